package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk"
)

// These variables make the test binary a host that is killed: the folder it works in, at which append (0: never), and
// whether just before the append or just after it.
const (
	crashFolder = "SPINBOT_CRASH_FOLDER"
	crashAt     = "SPINBOT_CRASH_AT"
	crashAfter  = "SPINBOT_CRASH_AFTER"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		if err := hostThatDies(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// saga takes at least a dozen appends, because tasks of a kind run one at a time.
const saga = head + `
node "test.one" "first" { v = ["a", "b", "c"] }
node "test.one" "second" { v = node.first.v }
node "test.one" "third" { v = node.second.v }
node "test.one" "fourth" { v = node.third.v }
node "test.one" "list" {
  for_each = node.fourth.v
  v        = upper(each.value)
  retry { attempts = 2 }
}
node "control.calc" "map" {
  for_each = { for i, x in node.list : x.v => i }
  v        = each.key
}
node "test.one" "big" { text = join("", values(node.map)[*].v) }
node "test.one" "end" { v = "${substr(node.big.text, -3, 3)} ${length(node.big.text)}" }
output "o" { value = node.end.v }
`

const sagaSays = `{"o": "ABC 100003"}`

// hostThatDies opens the store, takes up or submits the one run, and ends when it has; or dies on the way.
func hostThatDies(folder string) error {
	at, err := strconv.Atoi(os.Getenv(crashAt))
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := sqlstore.Open(ctx, filepath.Join(folder, "journal.db"))
	if err != nil {
		return err
	}
	files, err := dir.Open(filepath.Join(folder, "artifacts"))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(folder, "tasks"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	j := &deadlyJournal{Store: s, at: at, late: os.Getenv(crashAfter) != ""}
	e := engine.New(engine.Config{Journal: j, Artifacts: files, Executor: diary{log},
		RunsAhead: func(n sdk.NodeType) bool { return n.Name == "control.calc" }})
	id, err := takeUp(ctx, e, s)
	if err != nil {
		return err
	}
	state, err := e.Wait(ctx, id)
	if err != nil {
		return err
	}
	if state.Status != run.Succeeded {
		return fmt.Errorf("the run %s: %w", state.Status, state.Error)
	}
	fmt.Println(j.n)
	return errors.Join(e.Close(ctx), s.Close())
}

func takeUp(ctx context.Context, e *engine.Engine, s *sqlstore.Store) (run.ID, error) {
	h, err := s.Find(ctx, "last")
	if errors.Is(err, store.ErrNotFound) {
		p, err := load(saga)
		if err != nil {
			return "", err
		}
		return e.Submit(ctx, engine.Submission{Pipeline: p, Inputs: sdk.Values{}})
	}
	if err == nil {
		err = e.Adopt(ctx, run.ID(h.Run))
	}
	if errors.Is(err, engine.ErrEnded) {
		err = nil
	}
	return run.ID(h.Run), err
}

// deadlyJournal kills its process at the n-th append.
type deadlyJournal struct {
	*sqlstore.Store
	n, at int // n: appends so far, which come one after another since there is one run
	late  bool
}

func (j *deadlyJournal) Append(ctx context.Context, a store.Append) error {
	j.n++
	if j.n == j.at && !j.late {
		die()
	}
	err := j.Store.Append(ctx, a)
	if j.n == j.at && j.late {
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// diary writes a line when a task begins and one when it has its result.
type diary struct{ file *os.File }

func (d diary) Execute(_ context.Context, t *sdk.Task) (sdk.Result, error) {
	name := t.Address.Node.Name + t.Address.Node.Key.String()
	d.write("began", name, t)
	defer d.write("ended", name, t)
	switch {
	case name == "list[1]" && t.Address.Attempt == 1:
		return sdk.Result{}, sdk.Fail("once", "")
	case name == "big":
		return sdk.Result{Outputs: sdk.Values{"text": strings.Repeat("x", 100_000) + t.Inputs["text"].(string)}}, nil
	}
	return give(t.Inputs["v"])
}

func (d diary) write(what, name string, t *sdk.Task) {
	if _, err := fmt.Fprintf(d.file, "%s %s %d\n", what, name, t.Address.Attempt); err != nil {
		panic(err)
	}
}

// host runs a process in the folder. It gives how many appends it took, or that it died as it was told.
func host(t *testing.T, folder string, at int, late bool) (appends int, killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashFolder+"="+folder, fmt.Sprintf("%s=%d", crashAt, at), crashAfter+"=")
	if late {
		cmd.Env = append(cmd.Env, crashAfter+"=1")
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL && at > 0 {
			return 0, true
		}
	}
	if err == nil {
		appends, err = strconv.Atoi(strings.TrimSpace(string(out)))
	}
	if err != nil {
		t.Fatalf("the host, to be killed at append %d: %v\n%s", at, err, out)
	}
	return appends, false
}

// story is what a folder tells when a host has gone.
type story struct {
	events []run.Event
	state  *run.State // nil: no run is stored
	// begun is how often each attempt was begun, such as list[1] 2.
	begun map[string]int
	// attempts, lost and failed are what is recorded of each instance.
	attempts, lost, failed map[string]int
	succeeded              map[string]bool
}

// readStory reads a copy of the folder, so that the host finds it as the dead one left it.
func readStory(t *testing.T, folder string) *story {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	s := &story{begun: map[string]int{}, attempts: map[string]int{}, lost: map[string]int{}, failed: map[string]int{}, succeeded: map[string]bool{}}
	raw, err := os.ReadFile(filepath.Join(copied, "tasks"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if begun, ok := strings.CutPrefix(strings.TrimSpace(line), "began "); ok {
			s.begun[begun]++
		}
	}
	db, err := sqlstore.Open(t.Context(), filepath.Join(copied, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	h, err := db.Find(t.Context(), "last")
	if errors.Is(err, store.ErrNotFound) {
		return s
	}
	if err != nil {
		t.Fatal(err)
	}
	s.read(t, db, run.ID(h.Run), filepath.Join(copied, "artifacts"))
	return s
}

func (s *story) read(t *testing.T, db *sqlstore.Store, id run.ID, folder string) {
	t.Helper()
	s.events = read(t, db, id)
	files, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{Journal: db, Artifacts: files})
	defer e.Close(t.Context())
	if s.state, err = e.State(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, ev := range s.events {
		i := ev.Node + ev.Key.String()
		switch {
		case ev.Kind == run.AttemptStarted:
			s.attempts[i]++
		case ev.Kind != run.AttemptEnded:
		case ev.Error == nil:
			s.succeeded[i] = true
		case ev.Error.Cause == sdk.CauseLost:
			s.lost[i]++
		default:
			s.failed[i]++
		}
	}
}

// intended fails when an attempt was begun of which the journal knows nothing, but for control nodes, which run ahead.
func (s *story) intended(t *testing.T) {
	t.Helper()
	for begun := range s.begun {
		i, n, _ := strings.Cut(begun, " ")
		if number, err := strconv.Atoi(n); err != nil || !isAhead(i) && number > s.attempts[i] {
			t.Errorf("%s was begun before its intent was recorded (%v)", begun, err)
		}
	}
}

func isAhead(instance string) bool { return strings.HasPrefix(instance, "map") }

// TestKilledAtEveryAppend kills a host by SIGKILL just before and just after each append of a run, and starts it again.
func TestKilledAtEveryAppend(t *testing.T) {
	t.Parallel()
	appends, _ := host(t, t.TempDir(), 0, false)
	var killed atomic.Int32
	t.Cleanup(func() { // when all of them are done
		if n := killed.Load(); n < 20 {
			t.Errorf("only %d hosts were killed; the run takes %d appends", n, appends)
		}
	})
	places := make(chan struct{}, runtime.GOMAXPROCS(0)+1)
	for at := 1; at <= appends; at++ {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("append %d, stored %v", at, late), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				folder := t.TempDir()
				if _, dead := host(t, folder, at, late); dead { // else this time the run took fewer appends
					killed.Add(1)
				}
				goOn(t, folder, readStory(t, folder), late)
			})
		}
	}
}

// goOn starts a host over what the dead one left, and compares.
func goOn(t *testing.T, folder string, before *story, late bool) {
	t.Helper()
	if before.state == nil && late {
		t.Fatal("an append that was stored is gone")
	}
	before.intended(t)
	host(t, folder, 0, false)
	after := readStory(t, folder)
	if after.state == nil || after.state.Status != run.Succeeded {
		t.Fatalf("the run ended as %+v", after.state)
	}
	want(t, "the result", after.state.Outputs, sagaSays)
	for k, ev := range before.events { // nothing that was recorded has changed
		a, errA := json.Marshal(ev)
		b, errB := json.Marshal(after.events[k])
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("event %d was %s and is %s", k+1, a, b)
		}
	}
	once(t, after.events)
	after.intended(t)
	for begun, n := range after.begun {
		i, _, _ := strings.Cut(begun, " ")
		if again := n - before.begun[begun]; before.succeeded[i] && again > 0 {
			t.Errorf("%s was begun again although its success was recorded", begun)
		}
		if n > 1 && !isAhead(i) || n > 2 {
			t.Errorf("%s was begun %d times", begun, n)
		}
	}
	for i, n := range after.attempts {
		if n != 1+after.lost[i]+after.failed[i] || after.lost[i] > 1 {
			t.Errorf("%s: %d attempts, %d lost, %d failed", i, n, after.lost[i], after.failed[i])
		}
		if open := before.attempts[i] - before.lost[i] - before.failed[i]; after.lost[i] > 0 && (open != 1 || before.succeeded[i]) {
			t.Errorf("%s was lost, and was not under way", i)
		}
	}
}
