package placer_test

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/placer"
)

// TestFigures counts who waits and who has devices, and for how long.
func TestFigures(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 8*gib)
	is := func(want placer.Figures) {
		t.Helper()
		if got := r.Figures(); got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
	}
	is(placer.Figures{})
	r.want("a", "", 6*gib)
	r.pass(time.Minute)
	r.want("b", "", 6*gib)
	r.pass(time.Minute)
	r.want("c", "", 6*gib)
	is(placer.Figures{Waiting: 2, Held: 1, Oldest: time.Minute, Longest: 2 * time.Minute})
	r.Done("a", nil)
	r.Done("c", nil)
	is(placer.Figures{Held: 1})
	r.Done("b", nil)
	is(placer.Figures{})
}
