package runroutes

import (
	"context"
	"errors"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Bills are what runs have used.
type Bills interface {
	// RunBill gives that of one run, by its whole id; also of one that was removed.
	RunBill(ctx context.Context, id string) (client.RunBill, error)
	// Bill adds up.
	Bill(ctx context.Context, q client.BillQuery) (client.Bill, error)
}

func (s *Routes) billRoutes() {
	route.JSON(s.Server, route.Op{ID: "run-bill", Method: http.MethodGet, Path: route.V1 + "runs/{id}/bill", Need: route.Viewer, Summary: "What a run has used: of devices, energy, bytes; and what it cost",
		Detail: "Of one's own runs; an admin is told of all. A run that retention has removed goes by its whole id."}, s.runBill)
	route.JSON(s.Server, route.Op{ID: "bill", Method: http.MethodGet, Path: route.V1 + "bill", Need: route.Viewer, Summary: "What runs have used, by user, pipeline, node type, device, day or run",
		Detail: "Of one's own runs; an admin is told of all. Days are in UTC; an attempt counts on the day on which it ended."}, s.bill)
}

// billed says whose bills somebody may see; empty: everybody's.
func (s *Routes) billed(ctx context.Context) string {
	who := route.CallerOf(ctx)
	if who.May >= route.Admin || !s.SignsIn() { // where nobody signs in there is one user
		return ""
	}
	return who.User
}

func (s *Routes) runBill(ctx context.Context, in *OneRun) (client.RunBill, error) {
	id := in.ID
	h, err := s.cfg.Index.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) { // its bill may be there all the same
		h.Run, err = id, nil
	} else if err != nil {
		h, err = s.Find(ctx, id)
	}
	if err != nil {
		return client.RunBill{}, err
	}
	id = h.Run
	b, err := s.cfg.Bills.RunBill(ctx, id)
	if only := s.billed(ctx); err == nil && only != "" && b.User != only {
		err = route.Forbidden("the bill of "+id+" is "+b.User+"'s", "ask an admin")
	}
	if err != nil {
		return client.RunBill{}, err
	}
	return b, nil
}

func (s *Routes) bill(ctx context.Context, in *struct {
	By       string `query:"by" enum:"run,user,pipeline,node,device,day" default:"user" doc:"What the groups are; node is the node type."`
	Since    string `query:"since" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"The first day, in UTC: 2026-01-31."`
	Until    string `query:"until" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"The day after the last one."`
	User     string `query:"user" doc:"Of this user's runs alone."`
	Pipeline string `query:"pipeline" doc:"Of runs of the pipeline with this name alone."`
	Limit    int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many groups are listed at most; 0: 1000. The total counts all."`
}) (client.Bill, error) {
	if only := s.billed(ctx); only != "" {
		if in.User != "" && in.User != only {
			return client.Bill{}, route.Forbidden("the bill of "+in.User+" is not yours", "ask an admin")
		}
		in.User = only
	}
	return s.cfg.Bills.Bill(ctx, client.BillQuery{By: in.By, Since: in.Since, Until: in.Until, User: in.User, Pipeline: in.Pipeline, Limit: in.Limit})
}
