package runroutes

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// sweep removes what is old, or says what would go.
func (s *Routes) sweep(ctx context.Context, in *struct {
	Body *client.Sweep
}) (client.Swept, error) {
	want := route.Given(in.Body)
	if !want.DryRun && route.CallerOf(ctx).May < route.Admin {
		return client.Swept{}, route.Forbidden("runs are removed by an admin, or over the private socket", "spinbot gc, or ask with dry_run what would go")
	}
	return s.cfg.Retention.Sweep(ctx, want)
}

// pin marks the run as one that is kept, or takes the mark away.
func (s *Routes) pin(on bool) func(context.Context, *OneRun) (client.Run, error) {
	return func(ctx context.Context, in *OneRun) (client.Run, error) {
		h, err := s.Find(ctx, in.ID)
		if err != nil {
			return client.Run{}, err
		}
		if err := s.cfg.Retention.Pin(ctx, h.Run, on); err != nil {
			return client.Run{}, err
		}
		return s.Run(ctx, h.Run)
	}
}
