package runroutes

import (
	"cmp"
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Routes) queueRoutes() {
	route.JSON(s.Server, route.Op{ID: "show-queue", Method: http.MethodGet, Path: route.V1 + "queue", Need: route.Viewer, Summary: "What waits for its turn, and why"}, func(ctx context.Context, in *route.Page) (client.Queue, error) {
		return s.cfg.Queue.Queue(ctx, in.Size())
	})
	route.JSON(s.Server, route.Op{ID: "next-in-queue", Method: http.MethodPost, Path: route.V1 + "queue/next", Need: route.Operator, Summary: "Put a run that waits before all others",
		Detail: "It gets the priority of the first, if that is another."}, func(ctx context.Context, in *struct{ Body client.NextRun }) (client.Queue, error) {
		return s.move(ctx, in.Body.Run, "", false)
	})
	route.JSON(s.Server, route.Op{ID: "move-in-queue", Method: http.MethodPost, Path: route.V1 + "queue/move", Need: route.Operator, Summary: "Put a run that waits right before another one, or right after it",
		Detail: "It gets the priority of that one."}, func(ctx context.Context, in *struct{ Body client.MoveRun }) (client.Queue, error) {
		m := in.Body
		if (m.Before == "") == (m.After == "") {
			return client.Queue{}, route.BadRequest("it is not said where the run goes", "name another run as before, or as after")
		}
		return s.move(ctx, m.Run, cmp.Or(m.Before, m.After), m.After != "")
	})
	for _, word := range [][2]string{{"pause", "Begin nothing that waits"}, {"resume", "Begin again what waits"}, {"clear", "Cancel all that waits"}} {
		what, summary := word[0], word[1]
		route.JSON(s.Server, route.Op{ID: what + "-queue", Method: http.MethodPost, Path: route.V1 + "queue/" + what, Need: route.Operator, Summary: summary}, func(ctx context.Context, _ *route.None) (client.Queue, error) {
			if err := s.cfg.Queue.TellQueue(ctx, what, route.CallerOf(ctx).User); err != nil {
				return client.Queue{}, err
			}
			return s.cfg.Queue.Queue(ctx, route.PageSize)
		})
	}
}

// move puts a run beside another one; without one, before all.
func (s *Routes) move(ctx context.Context, run, other string, behind bool) (client.Queue, error) {
	h, err := s.Find(ctx, run)
	if err != nil {
		return client.Queue{}, err
	}
	if other != "" {
		o, err := s.Find(ctx, other)
		if err != nil {
			return client.Queue{}, err
		}
		if other = o.Run; other == h.Run {
			return client.Queue{}, route.BadRequest(other+" cannot be moved beside itself", "name another run that waits")
		}
	}
	if err := s.cfg.Queue.Move(ctx, h.Run, other, behind, route.CallerOf(ctx).User); err != nil {
		return client.Queue{}, err
	}
	return s.cfg.Queue.Queue(ctx, route.PageSize)
}
