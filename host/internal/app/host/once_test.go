package host

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/submission"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk/client"
)

// keyed is a submission with a key.
func keyed(key, text string) client.Submission {
	return client.Submission{Key: key, Pipeline: client.Source{Text: "pipeline \"x\" {}\nvariable \"text\" {}\noutput \"text\" { value = var.text }\n"}, Text: map[string]string{"text": text}}
}

// counted wants so many runs to be there.
func counted(t *testing.T, h *Host, want int) {
	t.Helper()
	list, err := h.Client().Runs(t.Context(), client.RunQuery{})
	if err != nil || len(list.Runs) != want {
		t.Errorf("%d runs, %v, want %d", len(list.Runs), err, want)
	}
}

// TestSubmittedAgain: a key makes one run, also when the host went on after a crash; another body is refused, and another user's
// key is another.
func TestSubmittedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, err := h.Client().Submit(t.Context(), keyed("k", "one"))
	if err != nil || first.Repeated {
		t.Fatalf("%+v %v", first, err)
	}
	for range 2 {
		if again, err := h.Client().Submit(t.Context(), keyed("k", "one")); err != nil || again.ID != first.ID || !again.Repeated {
			t.Errorf("%+v %v", again, err)
		}
		stop(t, h)
		h = reopen(t, h)
	}
	var p *client.Problem
	if _, err := h.Client().Submit(t.Context(), keyed("k", "two")); !errors.As(err, &p) || p.Code != client.CodeConflict || p.Fix == "" {
		t.Errorf("%v, want a conflict", err)
	}
	counted(t, h, 1)
	if r, err := h.submit.Submit(t.Context(), keyed("k", "two"), "bert"); err != nil || r.ID == first.ID || r.Repeated {
		t.Errorf("%+v %v", r, err)
	}
	for range 2 {
		if r, err := h.Client().Submit(t.Context(), keyed("", "one")); err != nil || r.Repeated {
			t.Errorf("%+v %v", r, err)
		}
	}
	counted(t, h, 4)

	bad := keyed("bad", "one")
	bad.Text = nil
	if _, err := h.Client().Submit(t.Context(), bad); !errors.As(err, &p) || p.Code != client.CodeInvalidInput {
		t.Errorf("%v", err)
	}
	if r, err := h.Client().Submit(t.Context(), keyed("bad", "one")); err != nil || r.Repeated { // what made no run takes no key
		t.Errorf("%+v %v", r, err)
	}

	last := client.Submission{Key: "last", Rerun: &client.Rerun{Of: "last"}}
	repeats, err := h.Client().Submit(t.Context(), last)
	if err != nil || repeats.Parent == "" {
		t.Fatalf("%+v %v", repeats, err)
	}
	if r, err := h.Client().Submit(t.Context(), last); err != nil || r.ID != repeats.ID || !r.Repeated { // which is not the last any more
		t.Errorf("%+v %v", r, err)
	}

	lost := keyed("lost", "one") // the host died before the run was made
	o, err := submission.OnceOf(h.store, lost, "bert", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := o.Claim(t.Context(), engine.NewID(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := h.submit.Submit(t.Context(), lost, "bert"); err != nil || r.ID != string(id) || !r.Repeated {
		t.Errorf("%+v %v, want %s", r, err, id)
	}
	counted(t, h, 7)
}

// TestSubmittedAtOnce: however many ask at once, at two hosts, one run is made; and a host that has ended takes it with it.
func TestSubmittedAtOnce(t *testing.T) {
	t.Parallel()
	url, artifacts := pgtest.Database(t), t.TempDir()
	a, _ := shares(t, url, artifacts)
	b, _ := shares(t, url, artifacts)
	var group sync.WaitGroup
	var mu sync.Mutex
	made := map[string]int{}
	for k := range 16 {
		group.Go(func() {
			r, err := []*Host{a, b}[k%2].submit.Submit(t.Context(), keyed("k", "one"), "anna")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if made[r.ID] += 0; !r.Repeated {
				made[r.ID]++
			}
		})
	}
	group.Wait()
	counted(t, b, 1)
	stop(t, a)
	r, err := b.submit.Submit(t.Context(), keyed("k", "one"), "anna")
	if err != nil || len(made) != 1 || made[r.ID] != 1 {
		t.Errorf("%v, %v %v", made, r.ID, err)
	}
}
