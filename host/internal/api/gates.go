package api

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) gateRoutes() {
	op(s, Op{ID: "list-gates", Method: get, Path: v1 + "gates", Need: Viewer, Summary: "What runs ask people",
		Detail: "The questions of so many runs that are under way, the newest first. Answers go to /api/v1/runs/{id}/answer."}, s.listGates)
}

// listGates looks at a page of the runs that are under way: a question is where its run is.
func (s *Server) listGates(ctx context.Context, in *struct {
	Page
	Before string `query:"before" doc:"Of runs older than the one with this id: what the page before gave as next."`
}) (client.GateList, error) {
	limit := in.limit()
	heads, err := s.cfg.Index.List(ctx, store.Query{States: []string{"running", "paused"}, Before: in.Before, Limit: limit + 1})
	if err != nil {
		return client.GateList{}, err
	}
	list := client.GateList{Version: client.ShapeVersion, Gates: []client.Gate{}}
	if len(heads) > limit {
		heads = heads[:limit]
		list.Next = heads[limit-1].Run
	}
	for _, h := range heads {
		gates, err := s.cfg.Runs.Gates(ctx, h.Run)
		if err != nil {
			return list, err
		}
		list.Gates = append(list.Gates, gates...)
	}
	return list, nil
}
