package runs

import (
	"context"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Silence knows runs of this host that ask nobody anything, so that a list of questions reads those alone that ask.
type Silence struct {
	mu     sync.Mutex
	runs   map[string]bool
	opened uint64 // how often a run may have begun to ask
}

// NewSilence knows of no run.
func NewSilence() *Silence { return &Silence{runs: map[string]bool{}} }

// Observe takes what has become durable.
func (q *Silence) Observe(id run.ID, e run.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch e.Kind {
	case run.RunCreated:
		q.runs[string(id)] = true
	case run.GateOpened, run.RunResumed:
		q.opened++
		delete(q.runs, string(id))
	case run.RunEnded:
		delete(q.runs, string(id))
	default: // opens nothing
	}
}

// Forget forgets a run that this host begins or ends to advance: what it asked elsewhere was not heard.
func (q *Silence) Forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened++
	delete(q.runs, id)
}

// Is says whether the run asks nothing for sure, and what learn wants to know.
func (q *Silence) Is(id string) (bool, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.runs[id], q.opened
}

// learn notes that a run asks nothing, unless one may have begun to since Is was asked.
func (q *Silence) learn(id string, opened uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.opened == opened {
		q.runs[id] = true
	}
}

// Gates implements runroutes.Gates.
func (r *Runs) Gates(ctx context.Context, id string) ([]client.Gate, error) {
	silent, opened := r.Silence.Is(id)
	if silent {
		return nil, nil
	}
	shown, err := r.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	var gates []client.Gate
	for _, n := range shown.Nodes {
		if n.Ask != nil || n.AskRef != "" {
			gates = append(gates, client.Gate{Run: shown.ID, Pipeline: shown.Pipeline, At: n.At, Ask: n.Ask, AskRef: n.AskRef, Since: n.Started, Until: n.Until})
		}
	}
	if len(gates) == 0 && r.Advance.Active(id) { // of others nothing would be heard
		r.Silence.learn(id, opened)
	}
	return gates, nil
}
