package fleetroutes

import (
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) modelRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-models", Method: http.MethodGet, Path: route.V1 + "models", Need: route.Viewer, Summary: "Model files, and which machines have them"}, func(ctx context.Context, _ *route.None) (client.ModelList, error) {
		l, err := s.cfg.Models.Models(ctx)
		l.Version = client.ShapeVersion
		return l, err
	})
	route.JSON(s.Server, route.Op{ID: "fetch-model", Method: http.MethodPost, Path: route.V1 + "models/fetch", Need: route.Admin, Summary: "Have a machine fetch a model file"}, func(ctx context.Context, in *struct{ Body client.ModelRequest }) (client.ModelFetch, error) {
		return s.cfg.Models.Fetch(ctx, in.Body)
	})
	route.JSON(s.Server, route.Op{ID: "remove-model", Method: http.MethodPost, Path: route.V1 + "models/remove", Need: route.Admin, Summary: "Have a machine delete a model file"}, func(ctx context.Context, in *struct{ Body client.ModelRemoval }) (client.ModelCopy, error) {
		return s.cfg.Models.Remove(ctx, in.Body)
	})
}
