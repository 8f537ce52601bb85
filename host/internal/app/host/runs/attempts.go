package runs

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Attempts implements runroutes.Attempts.
func (r *Runs) Attempts(ctx context.Context, id, node string, limit int) (client.AttemptList, error) {
	list := client.AttemptList{Version: client.ShapeVersion, Run: id}
	s, err := r.Engine.State(ctx, run.ID(id))
	if err != nil {
		return list, shape.Problem(err)
	}
	at, err := shape.Address(id, node)
	if err != nil {
		return list, err
	}
	in, step := run.Target(at)
	if n := s.Find(in, run.IDOf(step)); n == nil || len(n.Instances) > 0 && n.Instance(step.Key) == nil {
		return list, &client.Problem{Code: client.CodeNotFound, Detail: id + " has no " + node, Fix: "spinbot show " + id + " lists its nodes"}
	}
	tape, err := replay.Fetch(ctx, r.Lineage, id)
	if err != nil {
		return list, err
	}
	list.Attempts = route.Some(replay.Attempts(tape, r.Vault, in, step, limit))
	for k := range list.Attempts {
		list.Attempts[k].Agent = r.Fleet.Name(list.Attempts[k].Agent)
	}
	return list, nil
}
