package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// reopen makes a host of the state directory of one that was closed.
func reopen(t testing.TB, closed *Host) *Host {
	t.Helper()
	lock, err := closed.cfg.State.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	cfg := closed.cfg
	cfg.Lock = lock
	h, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, h) })
	return h
}

// opened makes a host that a test may leave with work under way.
func opened(t *testing.T) *Host {
	t.Helper()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	return h
}

// stop closes the host without waiting for its tasks.
func stop(t testing.TB, h *Host) {
	t.Helper()
	at, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Close(at); err != nil {
		t.Error(err)
	}
}

// submit starts a run of a pipeline's text.
func submit(t *testing.T, c *client.Client, text string) client.Run {
	t.Helper()
	r, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var errSeen = errors.New("seen")

// until watches a run until one of its events is as wanted, and gives the events.
func until(t *testing.T, c *client.Client, id string, want func(run.Event) bool) []run.Event {
	t.Helper()
	var events []run.Event
	err := c.Watch(t.Context(), id, 0, func(f client.Frame) error {
		if f.Event == nil {
			return nil
		}
		e, err := run.Decode(f.Event.Data)
		if err != nil {
			return err
		}
		if uint64(len(events))+1 != f.Event.Seq {
			t.Errorf("event %d comes after %d", f.Event.Seq, len(events))
		}
		if events = append(events, e); want(e) {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Fatalf("%s: the stream ended with %v", id, err)
	}
	return events
}

func ended(e run.Event) bool { return e.Kind == run.RunEnded }

func started(node string) func(run.Event) bool {
	return func(e run.Event) bool { return e.Kind == run.AttemptStarted && e.Node == node }
}

// waits is a pipeline of one node after the other, each of which waits.
func waits(n int, each string) string {
	var b strings.Builder
	b.WriteString("pipeline \"waits\" {}\n")
	for i := range n {
		fmt.Fprintf(&b, "node \"test.wait\" \"n%d\" {\n  for = %q\n", i, each)
		if i > 0 {
			fmt.Fprintf(&b, "  depends_on = [node.n%d]\n", i-1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// TestInterruptedRuns: a host that is closed while it works leaves its runs to the next, which keeps what was done. There
// they can be resumed or cancelled by hand, and go on by themselves once it serves.
func TestInterruptedRuns(t *testing.T) {
	t.Parallel()
	const nodes = 8
	h := opened(t)
	long, short := submit(t, h.Client(), waits(1, "1h")), submit(t, h.Client(), waits(nodes, "50ms"))
	r := submit(t, h.Client(), waits(nodes, "50ms"))
	until(t, h.Client(), long.ID, started("n0"))
	until(t, h.Client(), r.ID, started("n2"))
	stop(t, h)

	h = reopen(t, h)
	c := h.Client()
	r, err := c.Run(t.Context(), r.ID)
	if err != nil || r.Ended() || !r.Interrupted {
		t.Fatalf("after the close: %+v, %v", r, err)
	}
	kept := map[string]bool{}
	for _, n := range r.Nodes {
		kept[n.Name] = n.State == "succeeded"
	}
	if !kept["n0"] || !kept["n1"] || kept["n7"] {
		t.Fatalf("after the close: %+v", r.Nodes)
	}
	askInterrupted(t, h, long.ID, short.ID)
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	public := client.New("http://"+address, nil)
	events := until(t, public, r.ID, ended)
	if last := events[len(events)-1]; last.Status != run.Succeeded {
		t.Errorf("it ended with %+v", last)
	}
	starts := map[string]int{}
	for _, e := range events {
		if e.Kind == run.AttemptStarted {
			starts[e.Node]++
		}
	}
	for i := range nodes {
		name := fmt.Sprintf("n%d", i)
		if want := kept[name]; want && starts[name] != 1 {
			t.Errorf("%s succeeded before and was started %d times", name, starts[name])
		}
	}
	if r, err = public.Run(t.Context(), r.ID); err != nil || r.State != "succeeded" || r.Interrupted {
		t.Errorf("in the end: %+v, %v", r, err)
	}
}

// askInterrupted cancels one run that nobody advances, and resumes another.
func askInterrupted(t *testing.T, h *Host, long, short string) {
	t.Helper()
	c := h.Client()
	var both sync.WaitGroup
	for range 2 { // from two terminals at once
		both.Go(func() {
			if r, err := c.Resume(t.Context(), short); err != nil || r.Interrupted {
				t.Errorf("resume: %+v, %v", r, err)
			}
		})
	}
	both.Wait()
	if r, err := c.Cancel(t.Context(), long, "too long"); err != nil || r.Interrupted {
		t.Errorf("cancel: %+v, %v", r, err)
	}
	for id, want := range map[string]run.Status{short: run.Succeeded, long: run.Cancelled} {
		if s, err := h.engine.Wait(t.Context(), run.ID(id)); err != nil || s.Status != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	for name, ask := range map[string]func() (client.Run, error){
		"cancel what was cancelled": func() (client.Run, error) { return c.Cancel(t.Context(), long, "") },
		"resume what succeeded":     func() (client.Run, error) { return c.Resume(t.Context(), short) },
	} {
		var p *client.Problem
		if _, err := ask(); !errors.As(err, &p) || p.Status != 409 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := c.Run(t.Context(), long); err != nil || r.Interrupted || r.Error != "too long" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// bare makes a host without plugins.
func bare(t *testing.T) *Host {
	t.Helper()
	state, err := local.At(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	knows(t, state)
	lock, err := state.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	h, err := Open(t.Context(), Config{State: state, Lock: lock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, h) })
	return h
}

// TestHeldState: one host at a time; others are shown the way to it.
func TestHeldState(t *testing.T) {
	t.Parallel()
	h := bare(t)
	state := h.cfg.State
	if _, err := state.TryLock(); !errors.Is(err, local.ErrHeld) {
		t.Errorf("got %v", err)
	}
	lock, c, err := state.Reach(t.Context())
	if err != nil || lock != nil || c == nil {
		t.Fatalf("got %v, %v, %v", lock, c, err)
	}
	if health, err := c.Health(t.Context()); err != nil || health.Status != "ok" {
		t.Errorf("the holder: %+v, %v", health, err)
	}
	c.Close()
	stop(t, h)
	lock, c, err = state.Reach(t.Context())
	if err != nil || lock == nil {
		t.Fatalf("after the close: %v, %v, %v", lock, c, err)
	}
	lock.Release()
}

// TestOpenFails: a host that cannot open gives the state directory back.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	h := bare(t)
	stop(t, h)
	state := h.cfg.State
	for name, spoil := range map[string]func() error{
		"socket": func() error { return os.MkdirAll(mustSocket(t, state)+"/x", 0o700) },
		"store": func() error {
			if err := os.RemoveAll(state.Database()); err != nil {
				return err
			}
			return os.MkdirAll(state.Database()+"/x", 0o700)
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		lock, err := state.TryLock()
		if err != nil {
			t.Fatal(err)
		}
		cfg := h.cfg
		cfg.Lock = lock
		if _, err := Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: it opens", name)
		}
		lock, err = state.TryLock()
		if err != nil {
			t.Fatalf("%s: still held: %v", name, err)
		}
		lock.Release()
		os.RemoveAll(mustSocket(t, state))
	}
}

func mustSocket(t *testing.T, s local.State) string {
	t.Helper()
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDrain: it waits for runs that go on, then for who is connected, and lets nobody in after that.
func TestDrain(t *testing.T) {
	t.Parallel()
	h := opened(t)
	other := client.Unix(mustSocket(t, h.cfg.State))
	defer other.Close()
	guest := client.Unix(mustSocket(t, h.cfg.State))
	defer guest.Close()
	if _, err := guest.Health(t.Context()); err != nil { // from now on its connection is idle, and open
		t.Fatal(err)
	}
	r := submit(t, other, waits(1, "1h"))
	until(t, other, r.ID, started("n0"))
	h.Client().Close()

	at, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Drain(at); !errors.Is(err, context.Canceled) {
		t.Errorf("while a run goes on: %v", err)
	}
	drained := make(chan error, 1)
	go func() { drained <- h.Drain(context.WithoutCancel(t.Context())) }()
	if _, err := other.Cancel(t.Context(), r.ID, ""); err != nil {
		t.Fatal(err)
	}
	until(t, other, r.ID, ended)
	if _, err := h.engine.Wait(t.Context(), run.ID(r.ID)); err != nil {
		t.Fatal(err)
	}
	other.Close()
	select {
	case err := <-drained:
		t.Fatalf("drained while somebody is connected: %v", err)
	default:
	}
	guest.Close()
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if _, err := other.Health(t.Context()); err == nil {
		t.Error("a connection is taken after the drain")
	}
}

// TestAPI is the way of an artifact, of mistakes and of what nodes say, over the real parts.
func TestAPI(t *testing.T) {
	t.Parallel()
	h := opened(t)
	c := h.Client()
	_, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Name: "film.hcl", Text: "pipeline \"film\" {}\nnode \"test.ecko\" \"a\" {\n  value = var.none\n}\n"}})
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 422 || p.Code != client.CodeInvalidPipeline || len(p.Diagnostics) < 2 {
		t.Fatalf("got %+v, %v", p, err)
	}
	for _, d := range p.Diagnostics {
		if d.Range.File != "film.hcl" || d.Range.Start.Line < 2 || d.Range.Start.Column < 1 || d.Range.End.Byte <= d.Range.Start.Byte {
			t.Errorf("got %+v", d)
		}
	}
	if !strings.Contains(p.Detail, "test.echo") {
		t.Errorf("nothing is suggested: %s", p.Detail)
	}
	const text = "variable \"file\" {\n  type = artifact\n}\npipeline \"film\" {}\nnode \"test.read\" \"r\" {\n  file = var.file\n}\nnode \"test.report\" \"s\" {}\noutput \"text\" {\n  value = node.r.text\n}\n"
	if _, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: text}}); !errors.As(err, &p) || p.Code != client.CodeInvalidInput || len(p.Diagnostics) != 1 {
		t.Errorf("without an input: %v", err)
	}
	a, err := c.Upload(t.Context(), "ünï \"x\".txt", "", strings.NewReader("la la"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: text}, Inputs: sdk.Values{"file": a}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.Wait(t.Context(), run.ID(r.ID)); err != nil {
		t.Fatal(err)
	}
	if r, err = c.Run(t.Context(), r.ID); err != nil || r.Outputs["text"] != "la la" || len(r.Nodes) != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	logs, err := c.Logs(t.Context(), "last", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if said, err := io.ReadAll(logs); err != nil || !strings.Contains(string(said), "nearly done") || strings.Contains(string(said), "node.r") {
		t.Errorf("the log says %s, %v", said, err)
	}
	var metrics strings.Builder
	if err := h.metrics.Write(&metrics); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`spinbot_node_attempts_total{cause="succeeded",type="test.read"} 1`, `spinbot_runs_total{state="succeeded"} 1`,
		`spinbot_http_requests_total{method="POST",route="/api/v1/runs",status="422"} 2`, "spinbot_runs_active 0", "spinbot_queue_runs 0", "spinbot_queue_oldest_seconds 0", "spinbot_tasks_waiting 0", "spinbot_leases 0", "spinbot_artifact_fetched_bytes_total 5"} {
		if !strings.Contains(metrics.String(), "\n"+line+"\n") {
			t.Errorf("no metric %s", line)
		}
	}
	if _, err := c.Trust(t.Context(), "nobody"); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("trust nobody: %v", err)
	}
}
