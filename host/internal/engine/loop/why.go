package loop

import (
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine/stored"
)

// Why says what an instance of a run waits for that has all its parents' results; nothing when it does not wait. The run may
// be a copy, as its journal tells it.
func (e *Loop) Why(r *stored.Run, i *progress.Instance) string {
	n := r.Declared(i.Node)
	if n == nil || n.Kind != pipeline.KindNode {
		return ""
	}
	if e.flights.WaitsFor(r.ID, i) {
		return "another task with the same inputs is under way; its result will be taken"
	}
	if e.cfg.Placer != nil {
		at := r.State.Address(i)
		at.Attempt = i.Attempt + 1
		if why := e.cfg.Placer.Why(at.String()); why != "" {
			return why
		}
	}
	return e.slots.Why(e.classOf(n.Type))
}
