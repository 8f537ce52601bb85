package api

import (
	"cmp"
	"context"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) queueRoutes() {
	op(s, Op{ID: "show-queue", Method: get, Path: v1 + "queue", Need: Viewer, Summary: "What waits for its turn, and why"}, func(ctx context.Context, in *Page) (client.Queue, error) {
		return s.cfg.Queue.Queue(ctx, in.limit())
	})
	op(s, Op{ID: "next-in-queue", Method: post, Path: v1 + "queue/next", Need: Operator, Summary: "Put a run that waits before all others",
		Detail: "It gets the priority of the first, if that is another."}, func(ctx context.Context, in *struct{ Body client.NextRun }) (client.Queue, error) {
		return s.move(ctx, in.Body.Run, "", false)
	})
	op(s, Op{ID: "move-in-queue", Method: post, Path: v1 + "queue/move", Need: Operator, Summary: "Put a run that waits right before another one, or right after it",
		Detail: "It gets the priority of that one."}, func(ctx context.Context, in *struct{ Body client.MoveRun }) (client.Queue, error) {
		m := in.Body
		if (m.Before == "") == (m.After == "") {
			return client.Queue{}, badRequest("it is not said where the run goes", "name another run as before, or as after")
		}
		return s.move(ctx, m.Run, cmp.Or(m.Before, m.After), m.After != "")
	})
	for _, word := range [][2]string{{"pause", "Begin nothing that waits"}, {"resume", "Begin again what waits"}, {"clear", "Cancel all that waits"}} {
		what, summary := word[0], word[1]
		op(s, Op{ID: what + "-queue", Method: post, Path: v1 + "queue/" + what, Need: Operator, Summary: summary}, func(ctx context.Context, _ *none) (client.Queue, error) {
			if err := s.cfg.Queue.TellQueue(ctx, what, callerOf(ctx).User); err != nil {
				return client.Queue{}, err
			}
			return s.cfg.Queue.Queue(ctx, pageSize)
		})
	}
}

// move puts a run beside another one; without one, before all.
func (s *Server) move(ctx context.Context, run, other string, behind bool) (client.Queue, error) {
	h, err := s.find(ctx, run)
	if err != nil {
		return client.Queue{}, err
	}
	if other != "" {
		o, err := s.find(ctx, other)
		if err != nil {
			return client.Queue{}, err
		}
		if other = o.Run; other == h.Run {
			return client.Queue{}, badRequest(other+" cannot be moved beside itself", "name another run that waits")
		}
	}
	if err := s.cfg.Queue.Move(ctx, h.Run, other, behind, callerOf(ctx).User); err != nil {
		return client.Queue{}, err
	}
	return s.cfg.Queue.Queue(ctx, pageSize)
}
