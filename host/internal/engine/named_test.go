package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// TestSubmitNamed: a run whose id was given is made once, whoever asks again, at once or after a restart.
func TestSubmitNamed(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(r *rig) {
		s := engine.Submission{ID: engine.NewID(time.Now()), Pipeline: parse(r, film), Inputs: sdk.Values{}, Owner: "ada"}
		submit := func() {
			if id, err := r.Submit(context.Background(), s); err != nil || id != s.ID {
				r.Errorf("got %s, %v", id, err)
			}
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(submit)
		}
		all.Wait()
		r.wait(s.ID, run.Succeeded)
		submit()
		r.restart()
		submit()
		if n := len(r.exec.began); n != 8 || r.Live() != 0 {
			r.Errorf("%d tasks, want 8; %d runs are live", n, r.Live())
		}
		once(r, r.events(s.ID))
		if other := r.submit(film); other == s.ID {
			r.Error("the next run has the same id")
		}
	})
}
