package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk"
)

// crashFar makes the host that is killed one whose tasks go to an agent that outlives it.
const crashFar = "SPINBOT_CRASH_FAR"

const farSaga = head + `
node "test.do" "first" {
  v = ["a", "b", "c"]
  device { memory = "1GiB" }
}
node "test.do" "list" {
  for_each = node.first.v
  v        = upper(each.value)
  device { memory = "1GiB" }
}
node "test.do" "end" {
  v = join("", node.list[*].v)
  device { memory = "1GiB" }
}
output "o" { value = node.end.v }
`

// box is an agent that no host takes with it: what it was sent, and what came of that, are files.
type box struct{ folder string }

func (b box) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	sent := filepath.Join(b.folder, url.PathEscape(t.Address.String()))
	if agent, _, held := exec.Held(ctx); held {
		raw, err := os.ReadFile(sent)
		if errors.Is(err, fs.ErrNotExist) {
			return sdk.Result{}, &sdk.Error{Cause: sdk.CauseLost, Message: agent + " knows nothing of it"}
		}
		var out sdk.Result
		return out, errors.Join(err, json.Unmarshal(raw, &out.Outputs))
	}
	out, err := echo(ctx, t)
	if err != nil {
		return out, err
	}
	raw, err := json.Marshal(out.Outputs)
	if err != nil {
		return out, err
	}
	whole, err := os.CreateTemp(b.folder, "sending-*") // it gets there whole, or not at all
	if err != nil {
		return out, err
	}
	_, err = whole.Write(raw)
	if err = errors.Join(err, whole.Close()); err != nil {
		return out, err
	}
	if err := os.Link(whole.Name(), sent); err != nil { // twice is an error
		return out, sdk.Refuse(err.Error(), "")
	}
	return out, nil
}

// open gives everybody a device of box2 at once.
type open struct{}

func (open) Want(w placement.Want, given func(placement.Given), _ func()) {
	if w.Held == nil {
		given(placement.Given{Agent: "box2", Devices: []string{"GPU-9"}, Memory: 1 << 30})
	}
}
func (open) Done(string, *placement.Went) {}
func (open) Why(string) string            { return "" }
func (open) Hold(string)                  {}

// hostOfAgentThatDies takes up or submits the one run, and ends when it has; or dies on the way.
func hostOfAgentThatDies(folder string) error {
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
	j := newDeadlyJournal(s, at)
	e := engine.New(engine.Config{Journal: j, Artifacts: files, Executor: box{filepath.Join(folder, "box2")}, Placer: open{},
		Elsewhere: func(agent string) bool { return agent == "box2" }})
	id, err := func() (run.ID, error) {
		h, err := s.Find(ctx, "last")
		if errors.Is(err, store.ErrNotFound) {
			p, err := parsed(farSaga)
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
	}()
	if err != nil {
		return err
	}
	if _, err := e.Wait(ctx, id); err != nil {
		return err
	}
	fmt.Println(j.n.Load())
	return errors.Join(e.Close(ctx), s.Close())
}

// TestKilledWhileAnAgentWorks kills a host just before and just after each append of a run whose tasks an agent carries out,
// and the next one at its first append, and looks at what the third one makes of it.
func TestKilledWhileAnAgentWorks(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) string {
		folder := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(folder, "tasks"), nil, 0o600), os.Mkdir(filepath.Join(folder, "box2"), 0o700)); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	appends, _ := host(t, start(t), 0, false, crashFar+"=1")
	var lost, held atomic.Int32
	places := make(chan struct{}, runtime.GOMAXPROCS(0)+1)
	step := 1
	if testing.Short() {
		step = 2
	}
	for at := 1; at <= appends; at += step {
		for how := range 4 {
			t.Run(fmt.Sprintf("append %d, stored %v and %v", at, how&1 != 0, how&2 != 0), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				folder := start(t)
				host(t, folder, at, how&1 != 0, crashFar+"=1")
				before := readStory(t, folder)
				host(t, folder, 1, how&2 != 0, crashFar+"=1")
				host(t, folder, 0, false, crashFar+"=1")
				l, h := sentOnce(t, folder, before)
				lost.Add(int32(l))
				held.Add(int32(h))
			})
		}
	}
	t.Cleanup(func() { // when all of them are done
		if lost.Load() == 0 || held.Load() == 0 {
			t.Errorf("%d attempts were lost, %d were asked for and held: no host died where it matters", lost.Load(), held.Load())
		}
	})
}

// sentOnce fails when something was done twice, or was lost that the agent had. held is what it had of the attempts that were
// under way when the first host died.
func sentOnce(t *testing.T, folder string, before *story) (lost, held int) {
	t.Helper()
	after := readStory(t, folder)
	if after.state == nil || after.state.Status != run.Succeeded {
		t.Fatalf("the run ended as %+v", after.state)
	}
	want(t, "the result", after.state.Outputs, `{"o": "ABC"}`)
	once(t, after.events)
	had := func(ev run.Event) bool {
		_, err := os.Stat(filepath.Join(folder, "box2", url.PathEscape(ev.At(after.state.ID).String())))
		return err == nil
	}
	sent := map[string]int{}
	for k, ev := range after.events {
		switch {
		case ev.Kind == run.AttemptStarted && had(ev):
			sent[place(ev.At(after.state.ID))]++
			if k < len(before.events) && !ended(before.events, ev) {
				held++
			}
		case ev.Kind == run.AttemptEnded && ev.Error != nil:
			if lost++; had(ev) || ev.Error.Cause != sdk.CauseLost {
				t.Errorf("%s ended as %v, and the agent had it: %v", ev.At(after.state.ID), ev.Error, had(ev))
			}
		}
	}
	for i, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", i, n)
		}
	}
	return lost, held
}

func ended(events []run.Event, began run.Event) bool {
	for _, ev := range events {
		if ev.Kind == run.AttemptEnded && ev.Node == began.Node && ev.Key == began.Key && ev.Attempt == began.Attempt {
			return true
		}
	}
	return false
}
