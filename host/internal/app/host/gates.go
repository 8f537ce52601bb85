package host

import (
	"context"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// silence knows runs of this host that ask nobody anything, so that a list of questions reads those alone that ask.
type silence struct {
	mu     sync.Mutex
	runs   map[string]bool
	opened uint64 // how often a run may have begun to ask
}

func newSilence() *silence { return &silence{runs: map[string]bool{}} }

// observe takes what has become durable.
func (q *silence) observe(id run.ID, e run.Event) {
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

// forget forgets a run that this host begins or ends to advance: what it asked elsewhere was not heard.
func (q *silence) forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened++
	delete(q.runs, id)
}

// is says whether the run asks nothing for sure, and what learn wants to know.
func (q *silence) is(id string) (bool, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.runs[id], q.opened
}

// learn notes that a run asks nothing, unless one may have begun to since is was asked.
func (q *silence) learn(id string, opened uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.opened == opened {
		q.runs[id] = true
	}
}

// Gates implements runroutes.Gates.
func (r runs) Gates(ctx context.Context, id string) ([]client.Gate, error) {
	silent, opened := r.h.silence.is(id)
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
	if len(gates) == 0 && r.h.isActive(id) { // of others nothing would be heard
		r.h.silence.learn(id, opened)
	}
	return gates, nil
}
