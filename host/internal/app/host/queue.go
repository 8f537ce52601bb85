package host

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// queue is what the API does with runs that wait. That it is paused is a file, so that a restart keeps it.
type queue struct{ h *Host }

// Queue implements runroutes.Queue.
func (q queue) Queue(ctx context.Context, limit int) (client.Queue, error) {
	heads, err := q.h.store.List(ctx, store.Query{States: []string{string(run.Created)}}) // before some of them leave the queue
	if err != nil {
		return client.Queue{}, err
	}
	list, total, paused := q.h.engine.Queue(limit)
	out := client.Queue{Version: client.ShapeVersion, Paused: paused, Held: q.h.room.Reason(), Total: total, Runs: []client.Queued{}}
	for _, head := range heads {
		if !q.h.isAdvanced(head.Run) {
			out.Unread++
		}
	}
	for _, w := range list {
		out.Runs = append(out.Runs, client.Queued{Run: string(w.Run), Priority: w.Priority, Why: w.Why})
	}
	waiting := q.h.placer.Waiting()
	out.Tasks, out.TasksTotal = []client.WaitingTask{}, len(waiting)
	if limit > 0 {
		waiting = waiting[:min(limit, len(waiting))]
	}
	for _, id := range waiting {
		out.Tasks = append(out.Tasks, client.WaitingTask{At: id, Why: q.h.placer.Why(id)})
	}
	return out, nil
}

// TellQueue implements runroutes.Queue.
func (q queue) TellQueue(ctx context.Context, what, by string) error {
	mark := q.h.cfg.State.Paused()
	switch what {
	case "pause":
		if err := os.WriteFile(mark, []byte("paused by "+by+"\n"), 0o600); err != nil {
			return err
		}
		q.h.engine.PauseQueue(true)
	case "resume":
		if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		q.h.engine.PauseQueue(false)
	case "clear":
		list, _, _ := q.h.engine.Queue(0)
		for _, w := range list {
			if err := q.h.engine.Cancel(ctx, w.Run, by, "the queue was cleared"); err != nil && !errors.Is(err, engine.ErrEnded) {
				return explain(err)
			}
		}
	}
	return nil
}

// Move implements runroutes.Queue.
func (q queue) Move(ctx context.Context, id, other string, behind bool, by string) error {
	for _, one := range []string{id, other} {
		if one == "" {
			continue
		}
		if err := q.h.ours(ctx, one); err != nil {
			return err
		}
	}
	return explain(q.h.engine.Move(ctx, run.ID(id), run.ID(other), behind, by))
}

// holdQueue pauses the queue when it was paused before a restart.
func (h *Host) holdQueue() {
	if _, err := os.Stat(h.cfg.State.Paused()); err == nil {
		h.engine.PauseQueue(true)
	}
}

// takeBack takes a run that has not begun into the queue again.
func (h *Host) takeBack(ctx context.Context, id string) error {
	return h.takeUp(ctx, id, func(ctx context.Context, id run.ID) error { return h.engine.Enqueue(ctx, id) })
}
