package host

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestRunsAreTold: whoever follows the list hears of a run from its beginning to its end, and of its job likewise.
func TestRunsAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	more := make(chan struct{}, 1)
	line := h.api.Hub().Line(func() {
		select {
		case more <- struct{}{}:
		default: // it is awake
		}
	}, func() { t.Error("the line was cut") })
	defer line.Close()
	if err := line.Subscribe(t.Context(), hub.Target{Kind: hub.Runs}, hub.From{}); err != nil {
		t.Fatal(err)
	}
	if h.finish(t, h.parse(t, chain(3, controlNode))) == nil {
		return
	}
	late := time.After(time.Minute)
	for job := false; ; {
		b, err := line.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			select {
			case <-more:
			case <-late:
				t.Fatal("the end is not told")
			}
			continue
		}
		for _, m := range b.Messages {
			switch {
			case m.Type == client.MessageRun && !job:
				job = true
				if err := line.Subscribe(t.Context(), hub.Target{Kind: hub.Job, ID: m.RunID}, hub.From{}); err != nil {
					t.Fatal(err)
				}
			case m.Type == client.MessageUpdate && m.Status == "completed":
				if *m.Progress != 100 || len(m.Data) == 0 {
					t.Errorf("it ended with %+v", m)
				}
				return
			}
		}
	}
}

// TestGatesAreTold: whoever follows the list hears that a run asks something else, though its state stays.
func TestGatesAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	more := make(chan struct{}, 1)
	line := h.api.Hub().Line(func() {
		select {
		case more <- struct{}{}:
		default: // it is awake
		}
	}, func() { t.Error("the line was cut") })
	defer line.Close()
	if err := line.Subscribe(t.Context(), hub.Target{Kind: hub.Runs}, hub.From{}); err != nil {
		t.Fatal(err)
	}
	r := submit(t, h.Client(), "pipeline \"asks\" {}\ngate \"one\" {}\ngate \"two\" {\n  depends_on = [gate.one]\n}\n")
	until(t, h.Client(), r.ID, func(e run.Event) bool { return e.Kind == run.GateOpened })
	told := func() (n int) {
		for {
			b, err := line.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				return n
			}
			for _, m := range b.Messages {
				if m.Type == client.MessageRun && m.RunID == r.ID {
					n++
				}
			}
		}
	}
	told() // of its beginning
	if _, err := h.Client().Tell(t.Context(), r.ID, client.WordAnswer, client.Word{At: "gate.one", Approved: true}); err != nil {
		t.Fatal(err)
	}
	for late := time.After(time.Minute); told() == 0; {
		select {
		case <-more:
		case <-late:
			t.Fatal("nobody is told that it asks something else")
		}
	}
	if _, err := h.Client().Cancel(t.Context(), r.ID, ""); err != nil {
		t.Error(err)
	}
	until(t, h.Client(), r.ID, ended)
}
