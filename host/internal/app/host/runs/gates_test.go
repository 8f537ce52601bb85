package runs

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// TestSilence: that a run asks nothing is not learned from before one began to ask.
func TestSilence(t *testing.T) {
	t.Parallel()
	q := NewSilence()
	for _, meanwhile := range []func(){
		func() { q.Observe("run_1", run.Event{Kind: run.GateOpened}) },
		func() { q.Observe("run_1", run.Event{Kind: run.RunResumed}) },
		func() { q.Forget("run_1") },
	} {
		_, opened := q.Is("run_1")
		meanwhile()
		q.learn("run_1", opened)
		if is, _ := q.Is("run_1"); is {
			t.Error("it is taken for quiet")
		}
	}
	_, opened := q.Is("run_1")
	q.Observe("run_1", run.Event{Kind: run.GateAnswered})
	q.learn("run_1", opened)
	if is, _ := q.Is("run_1"); !is {
		t.Error("it was not learned")
	}
}
