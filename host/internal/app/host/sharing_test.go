package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/app/host/advance"
	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk/client"
)

// beat is half of what it is by default: on a busy machine a host may be silent for longer than a few short ones.
const beat = time.Second

// heard is a log that may be read meanwhile.
type heard struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.String()
}

// shares makes a host that serves and shares a database and a folder of artifacts.
func shares(t *testing.T, url, artifacts string, change ...func(*Config)) (*Host, *heard) {
	t.Helper()
	log := &heard{}
	h := open(t, func(c *Config) {
		c.Store, c.ArtifactsDir, c.HostBeat = url, artifacts, beat
		c.Log = slog.New(slog.NewTextHandler(log, nil))
		for _, f := range change {
			f(c)
		}
	})
	t.Cleanup(func() { stop(t, h) })
	if _, err := h.Serve(context.Background(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return h, log
}

// freeze has a host say no more that it lives, while all else goes on: what it knows is what it knew then.
func freeze(h *Host) { h.stopServing() }

// wake has it find out what became of its runs.
func wake(t *testing.T, h *Host) {
	t.Helper()
	if err := h.advance.Share(t.Context(), advance.SilentBeats*beat); err != nil {
		t.Fatal(err)
	}
}

// begun waits until so many attempts of a node have been started.
func begun(t *testing.T, h *Host, id, node string, times int) []run.Event {
	t.Helper()
	n := 0
	return until(t, h.Client(), id, func(e run.Event) bool {
		if started(node)(e) {
			n++
		}
		return n == times
	})
}

// TestTakenFromAFrozenHost: what a host had under way that says nothing goes on at another. When it wakes it stops what it
// does, changes nothing, and tells where the run is; and it may have it back.
func TestTakenFromAFrozenHost(t *testing.T) {
	t.Parallel()
	url, artifacts := pgtest.Database(t), t.TempDir()
	a, saidA := shares(t, url, artifacts)
	b, _ := shares(t, url, artifacts)
	id := submit(t, a.Client(), waits(1, "1h")).ID
	begun(t, b, id, "n0", 1) // it is seen there

	if err := told(b, id, client.WordCancel); !names(err, a) {
		t.Errorf("cancelled at a host that has not got it: %v", err)
	}
	freeze(a)
	begun(t, b, id, "n0", 2)
	if a.engine.Live() != 1 {
		t.Errorf("the frozen host has %d runs", a.engine.Live())
	}
	wake(t, a)
	if a.engine.Live() != 0 || a.advance.Active(id) {
		t.Error("it keeps what is not its own")
	}
	if !strings.Contains(saidA.String(), id+` goes on at host \"`+b.sharing.ID) {
		t.Errorf("it says:\n%s", saidA)
	}
	for _, what := range []string{client.WordCancel, client.WordPause, client.WordResume, client.WordPrioritize} {
		if err := told(a, id, what); !names(err, b) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if r, err := a.Client().Run(t.Context(), id); err != nil || r.State != string(run.Running) {
		t.Errorf("%v %+v", err, r)
	}

	freeze(b)
	deadline := time.Now().Add(60 * time.Second)
	for !a.advance.Active(id) {
		if wake(t, a); time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
	}
	events := begun(t, a, id, "n0", 3)
	wake(t, b)
	if err := told(a, id, client.WordCancel); err != nil {
		t.Error(err)
	}
	all := until(t, b.Client(), id, ended)
	for _, e := range all[:len(events)] {
		if e.Kind == run.AttemptEnded && e.Error.Cause != "lost" {
			t.Errorf("recorded: %+v", e)
		}
	}
}

// names says whether an error is a refusal that says which host has the run.
func names(err error, h *Host) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Code == client.CodeConflict && strings.Contains(p.Detail, h.sharing.ID)
}

func told(h *Host, id, what string) error {
	_, err := h.Client().Tell(context.Background(), id, what, client.Word{})
	return err
}

// TestNobodyIsDeadAfterAnOutage: a host that could not reach the database gives others as long to say that they live as it
// gives those that it could hear.
func TestNobodyIsDeadAfterAnOutage(t *testing.T) {
	t.Parallel()
	url, artifacts := pgtest.Database(t), t.TempDir()
	a, _ := shares(t, url, artifacts)
	b, said := shares(t, url, artifacts)
	id := submit(t, a.Client(), waits(1, "1h")).ID
	begun(t, b, id, "n0", 1)
	for deadline := time.Now().Add(60 * time.Second); !b.sharing.Listed(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it does not list what it owned when it began")
		}
	}
	freeze(a) // nobody can say anything
	freeze(b)
	const silent = 2 * beat
	<-time.After(silent)
	share := func() {
		t.Helper()
		err := b.advance.Share(t.Context(), silent)
		for errors.Is(err, context.DeadlineExceeded) && t.Context().Err() == nil { // a database on a busy machine
			err = b.advance.Share(t.Context(), silent)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if share(); b.advance.Active(id) {
		t.Fatal("it takes a run of a host that it has not given any time")
	}
	for deadline := time.Now().Add(60 * time.Second); !b.advance.Active(id); share() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not take the run of a host that says nothing:\n%s", said)
		}
	}
	wake(t, a)
}

// TestQueuedRunsOfADeadHost: what waited for its turn waits at the other host, and begins there.
func TestQueuedRunsOfADeadHost(t *testing.T) {
	t.Parallel()
	url, artifacts := pgtest.Database(t), t.TempDir()
	a, _ := shares(t, url, artifacts)
	b, _ := shares(t, url, artifacts)
	a.engine.PauseQueue(true)
	id := submit(t, a.Client(), waits(1, "1ms")).ID
	if r, err := b.Client().Run(t.Context(), id); err != nil || r.State != string(run.Created) {
		t.Fatalf("%v %+v", err, r)
	}
	freeze(a)
	until(t, b.Client(), id, ended)
	wake(t, a)
	a.engine.PauseQueue(false)
	if list, n, _ := a.engine.Queue(0); n != 0 || a.engine.Live() != 0 {
		t.Errorf("it still has %v", list)
	}
}

// TestTriggersFireOnce: a cron in the folders of two hosts fires at the one that leads; each time once, also when the other
// one goes on.
func TestTriggersFireOnce(t *testing.T) {
	t.Parallel()
	url, artifacts, folder := pgtest.Database(t), t.TempDir(), t.TempDir()
	const text = `
pipeline "tick" {}
variable "at" {}
output "at" {
  value = var.at
}
trigger "cron" "second" {
  schedule = "@every 1s"
  inputs   = { at = trigger.time }
}
`
	if err := os.WriteFile(filepath.Join(folder, "tick.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(c *Config) { c.PipelineDirs = []string{folder} }
	a, _ := shares(t, url, artifacts, in)
	b, _ := shares(t, url, artifacts, in)
	fired := map[string]string{} // runs by when they were due
	enough := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); len(fired) < n; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it fired %d times", len(fired))
			}
			list, err := b.Client().Runs(t.Context(), client.RunQuery{Pipeline: "tick"})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list.Runs {
				run, err := b.Client().Run(t.Context(), r.ID)
				if err != nil {
					t.Fatal(err)
				}
				at := fmt.Sprint(run.Inputs["at"])
				if fired[at] == "" {
					fired[at] = r.ID
				}
				if fired[at] != r.ID {
					t.Fatalf("%s and %s are both of %s", fired[at], r.ID, at)
				}
			}
		}
	}
	enough(2)
	if !a.sharing.Leads() || b.sharing.Leads() {
		t.Errorf("leads: a %t, b %t", a.sharing.Leads(), b.sharing.Leads())
	}
	before := len(fired)
	stop(t, a)
	enough(before + 2)
}

// TestAnswersForADeadHost: the host that leads has an agent forget what it holds for a dead one and the journal has the end of,
// and leaves alone what the journal does not know.
func TestAnswersForADeadHost(t *testing.T) {
	t.Parallel()
	url, server := pgtest.Database(t), redistest.Start(t)
	dead, err := pgstore.Open(t.Context(), url, "dead")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	h, _ := shares(t, url, t.TempDir(), func(c *Config) {
		c.Fleet = &agents.Settings{Dial: dial.Config{URL: server.URL()}, Listen: "127.0.0.1:0", Name: "box1"}
	})
	id := submit(t, h.Client(), waits(1, "1ms")).ID
	until(t, h.Client(), id, ended)
	held := id + "/node.n0/1"
	c, keys := server.Client(t), fleet.KeysOf(dial.DefaultNamespace)
	beat := fmt.Sprintf(`{"v":1,"agent":"a","session":"1","held":{"dead":{"done":[%q,"run_01jexample/node.n0/1"]}},"status":{"ram":-1,"disk":-1,"revision":1}}`, held)
	got := c.XRange(t.Context(), keys.Control("a"), "-", "+").Val()
	for deadline := time.Now().Add(60 * time.Second); len(got) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the agent is told nothing")
		}
		if err := c.Do(t.Context(), "XADD", keys.Beats(), "*", "k", "beat", "d", beat).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err = c.XRange(t.Context(), keys.Control("a"), "-", "+").Result(); err != nil {
			t.Fatal(err)
		}
	}
	if want := fmt.Sprintf(`{"drop":[%q]}`, held); got[0].Values["d"] != want {
		t.Errorf("it is told %v, want %s", got[0].Values, want)
	}
}

// TestEventsOfOthers: who listens at one host hears within two seconds what becomes of a run of another, in the list and of the
// run itself.
func TestEventsOfOthers(t *testing.T) {
	t.Parallel()
	url, artifacts := pgtest.Database(t), t.TempDir()
	a, _ := shares(t, url, artifacts)
	b, _ := shares(t, url, artifacts)
	more := make(chan struct{}, 1)
	line := b.api.Hub().Line(func() {
		select {
		case more <- struct{}{}:
		default: // it is awake
		}
	}, func() { t.Error("the line was cut") })
	defer line.Close()
	next := func(what string, is func(client.Message) bool) {
		t.Helper()
		late := time.After(60 * time.Second)
		for {
			batch, err := line.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if batch != nil {
				if slices.ContainsFunc(batch.Messages, is) {
					return
				}
				continue
			}
			select {
			case <-more:
			case <-late:
				t.Fatal("it is not told " + what)
			}
		}
	}
	if err := line.Subscribe(t.Context(), hub.Target{Kind: hub.Runs}, hub.From{}); err != nil {
		t.Fatal(err)
	}
	next("that it listens", func(m client.Message) bool { return m.Type == client.MessageRuns })
	id := submit(t, a.Client(), waits(1, "1h")).ID
	next("that the run goes on", func(m client.Message) bool {
		return m.Type == client.MessageRun && m.RunID == id && strings.Contains(string(m.Data), `"state":"running"`)
	})
	if err := line.Subscribe(t.Context(), hub.Target{Kind: hub.Run, ID: id}, hub.From{After: new(uint64)}); err != nil {
		t.Fatal(err)
	}
	next("that the node began", func(m client.Message) bool {
		return m.Type == client.MessageEvent && strings.Contains(string(m.Data), string(run.AttemptStarted))
	})
	at := time.Now()
	if err := told(a, id, client.WordCancel); err != nil {
		t.Fatal(err)
	}
	ended, listed := false, false
	next("that it was cancelled", func(m client.Message) bool {
		ended = ended || m.Type == client.MessageEnd && m.RunID == id
		listed = listed || m.Type == client.MessageRun && strings.Contains(string(m.Data), `"state":"cancelled"`)
		return ended && listed
	})
	if took := time.Since(at); took > 20*time.Second { // two seconds, but for a busy machine
		t.Errorf("it took %v", took)
	}
}
