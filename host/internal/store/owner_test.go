package store_test

import (
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// TestEndedStates holds what the store takes for an end to what a run takes for one.
func TestEndedStates(t *testing.T) {
	t.Parallel()
	for _, s := range []run.Status{"", run.Created, run.Running, run.Paused, run.Succeeded, run.Failed, run.Cancelled} {
		if h := (&store.Head{State: string(s)}); h.Ended() != s.Ended() || slices.Contains(store.EndedStates, string(s)) != s.Ended() {
			t.Errorf("%q: the store and the run disagree", s)
		}
	}
}
