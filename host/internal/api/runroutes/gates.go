package runroutes

import (
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Routes) gateRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-gates", Method: http.MethodGet, Path: route.V1 + "gates", Need: route.Viewer, Summary: "What runs ask people",
		Detail: "The questions of so many runs that are under way, the newest first. Answers go to /api/v1/runs/{id}/answer."}, s.listGates)
}

// listGates looks at a page of the runs that are under way: a question is where its run is.
func (s *Routes) listGates(ctx context.Context, in *struct {
	route.Page
	Before string `query:"before" doc:"Of runs older than the one with this id: what the page before gave as next."`
}) (client.GateList, error) {
	limit := in.Size()
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
		gates, err := s.cfg.Gates.Gates(ctx, h.Run)
		if err != nil {
			return list, err
		}
		list.Gates = append(list.Gates, gates...)
	}
	return list, nil
}
