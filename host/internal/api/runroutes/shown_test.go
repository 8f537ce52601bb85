package runroutes

import "testing"

// TestGone: what was answered of a run is forgotten when that is removed, and of no other.
func TestGone(t *testing.T) {
	t.Parallel()
	var s Routes
	for k, run := range []string{"run_1", "run_2", "run_1"} {
		s.shown.keep(run, &answered{version: uint64(k + 1), raw: make([]byte, 10*(k+1))})
	}
	if s.shown.get("run_1", 1) != nil || s.shown.get("run_1", 3) == nil || s.shown.size != 50 {
		t.Errorf("%v, %d bytes", s.shown.all, s.shown.size)
	}
	for _, run := range []string{"run_1", "run_1", "run_3"} {
		s.Gone(run)
	}
	if s.shown.get("run_1", 3) != nil || s.shown.get("run_2", 2) == nil || s.shown.size != 20 {
		t.Errorf("%v, %d bytes", s.shown.all, s.shown.size)
	}
}
