package api

import (
	"context"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) queueRoutes() {
	op(s, Op{ID: "show-queue", Method: get, Path: v1 + "queue", Need: Viewer, Summary: "What waits for its turn, and why"}, func(ctx context.Context, in *Page) (client.Queue, error) {
		return s.cfg.Queue.Queue(ctx, in.limit())
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
