package api

import (
	"context"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) queueRoutes() {
	op(s, Op{ID: "show-queue", Method: get, Path: v1 + "queue", Need: Viewer, Summary: "What waits for its turn, and why"}, func(ctx context.Context, in *Page) (client.Queue, error) {
		return s.cfg.Queue.Queue(ctx, in.limit())
	})
	op(s, Op{ID: "next-in-queue", Method: post, Path: v1 + "queue/next", Need: Operator, Summary: "Put a run that waits before all others",
		Detail: "It gets the priority that this takes. To order others, set their priorities."}, func(ctx context.Context, in *struct{ Body client.NextRun }) (client.Queue, error) {
		h, err := s.find(ctx, in.Body.Run)
		if err == nil {
			err = s.cfg.Queue.Next(ctx, h.Run, callerOf(ctx).User)
		}
		if err != nil {
			return client.Queue{}, err
		}
		return s.cfg.Queue.Queue(ctx, pageSize)
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
