package runs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Queue implements runroutes.Queue.
func (r *Runs) Queue(ctx context.Context, limit int) (client.Queue, error) {
	heads, err := r.Store.List(ctx, store.Query{States: []string{string(run.Created)}}) // before some of them leave the queue
	if err != nil {
		return client.Queue{}, err
	}
	list, total, paused := r.Engine.Queue(limit)
	out := client.Queue{Version: client.ShapeVersion, Paused: paused, Held: r.Full(), Total: total, Runs: []client.Queued{}}
	for _, head := range heads {
		if !r.Advance.Advanced(head.Run) {
			out.Unread++
		}
	}
	for _, w := range list {
		out.Runs = append(out.Runs, client.Queued{Run: string(w.Run), Priority: w.Priority, Why: w.Why})
	}
	waiting := r.Placing.Waiting()
	out.Tasks, out.TasksTotal = []client.WaitingTask{}, len(waiting)
	if limit > 0 {
		waiting = waiting[:min(limit, len(waiting))]
	}
	for _, id := range waiting {
		out.Tasks = append(out.Tasks, client.WaitingTask{At: id, Why: r.Placing.Why(id)})
	}
	return out, nil
}

// TellQueue implements runroutes.Queue. That the queue is paused is a file, so that a restart keeps it.
func (r *Runs) TellQueue(ctx context.Context, what, by string) error {
	mark := r.Paused
	switch what {
	case "pause":
		if err := os.WriteFile(mark, []byte("paused by "+by+"\n"), 0o600); err != nil {
			return err
		}
		r.Engine.PauseQueue(true)
	case "resume":
		if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.Engine.PauseQueue(false)
	case "clear":
		list, _, _ := r.Engine.Queue(0)
		for _, w := range list {
			if err := r.Engine.Cancel(ctx, w.Run, by, "the queue was cleared"); err != nil && !errors.Is(err, engine.ErrEnded) {
				return shape.Problem(err)
			}
		}
	}
	return nil
}

// Move implements runroutes.Queue.
func (r *Runs) Move(ctx context.Context, id, other string, behind bool, by string) error {
	for _, one := range []string{id, other} {
		if one == "" {
			continue
		}
		if err := r.Advance.Ours(ctx, one); err != nil {
			return err
		}
	}
	return shape.Problem(r.Engine.Move(ctx, run.ID(id), run.ID(other), behind, by))
}

// HoldQueue pauses the queue when it was paused before a restart.
func (r *Runs) HoldQueue() {
	if _, err := os.Stat(r.Paused); err == nil {
		r.Engine.PauseQueue(true)
	}
}
