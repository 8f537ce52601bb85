package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	cachedir "github.com/myspinbot/spinbot/host/internal/cache/dir"
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
		dies := hostThatDies
		if os.Getenv(crashFar) != "" {
			dies = hostOfAgentThatDies
		}
		if err := dies(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

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
	j := newDeadlyJournal(s, at)
	p := &person{look: make(chan struct{}, 1)}
	known, err := cachedir.Open(filepath.Join(folder, "cache"), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	p.Engine = engine.New(engine.Config{Journal: j, Artifacts: files, Cache: known, Executor: diary{log}, Observe: p.observe,
		RunsAhead: func(n sdk.NodeType) bool { return n.Name == "control.calc" }})
	id, err := takeUp(ctx, p.Engine, s)
	if err != nil {
		return err
	}
	if err := p.seeThrough(ctx, id); err != nil {
		return err
	}
	fmt.Println(j.n.Load())
	return errors.Join(p.Close(ctx), s.Close())
}

func takeUp(ctx context.Context, e *engine.Engine, s *sqlstore.Store) (run.ID, error) {
	h, err := s.Find(ctx, "last")
	if errors.Is(err, store.ErrNotFound) {
		p, err := parsed(saga)
		if err != nil {
			return "", err
		}
		e.PauseQueue(true)
		defer e.PauseQueue(false)
		id, err := e.Submit(ctx, engine.Submission{Pipeline: p, Inputs: sdk.Values{}})
		if err == nil {
			err = e.Prioritize(ctx, id, 3, "ada")
		}
		return id, err
	}
	if err == nil {
		err = e.Enqueue(ctx, run.ID(h.Run))
	}
	if errors.Is(err, engine.ErrEnded) {
		err = nil
	}
	return run.ID(h.Run), err
}

// deadlyJournal kills its process at the n-th append.
type deadlyJournal struct {
	*sqlstore.Store
	n    atomic.Int32 // appends so far, which come one after another since there is one run
	at   int
	late bool
}

func newDeadlyJournal(s *sqlstore.Store, at int) *deadlyJournal {
	return &deadlyJournal{Store: s, at: at, late: os.Getenv(crashAfter) != ""}
}

func (j *deadlyJournal) Queue(a store.Append, done func(error)) {
	n := int(j.n.Add(1))
	if n == j.at && !j.late {
		die()
	}
	j.Store.Queue(a, func(err error) {
		if n == j.at && j.late {
			die()
		}
		done(err)
	})
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// host runs a process in the folder. It gives how many appends it took, or that it died as it was told.
func host(t *testing.T, folder string, at int, late bool, env ...string) (appends int, killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), env...), crashFolder+"="+folder, fmt.Sprintf("%s=%d", crashAt, at), crashAfter+"=")
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

// TestKilledAtEveryAppend kills a host by SIGKILL just before and just after each append of a run, and starts it again.
func TestKilledAtEveryAppend(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	appends, _ := host(t, whole, 0, false)
	everyKind(t, readStory(t, whole))
	var killed atomic.Int32
	cases, step := 0, 1
	if testing.Short() {
		step = 4
	}
	places := make(chan struct{}, runtime.GOMAXPROCS(0)+1)
	for at := 1; at <= appends; at += step {
		for _, late := range []bool{false, true} {
			cases++
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
	t.Cleanup(func() { // when all of them are done
		if n := int(killed.Load()); n < cases/2 {
			t.Errorf("only %d of %d hosts were killed", n, cases)
		}
	})
}

// everyKind fails when the saga lacks a kind of event, so that no host dies beside it.
func everyKind(t *testing.T, s *story) {
	t.Helper()
	seen := map[run.Kind]bool{}
	for _, ev := range s.events {
		seen[ev.Kind] = true
	}
	for _, k := range run.Kinds() {
		if !seen[k] {
			t.Errorf("the saga has no %s", k)
		}
	}
	if s.state.Status != run.Succeeded {
		t.Errorf("left alone, the saga %s: %v", s.state.Status, s.state.Error)
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
		if after.succeeded[i] {
			n--
		}
		if n != after.lost[i]+after.failed[i] || after.lost[i] > 1 {
			t.Errorf("%s: %d attempts besides a success, %d lost, %d failed", i, n, after.lost[i], after.failed[i])
		}
		if open := before.attempts[i] - before.lost[i] - before.failed[i]; after.lost[i] > 0 && (open != 1 || before.succeeded[i]) {
			t.Errorf("%s was lost, and was not under way", i)
		}
	}
}
