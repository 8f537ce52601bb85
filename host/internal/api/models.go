package api

import (
	"context"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Models are the model files of all machines.
type Models interface {
	Models(ctx context.Context) (client.ModelList, error)
	// Fetch has a machine fetch one.
	Fetch(ctx context.Context, r client.ModelRequest) (client.ModelFetch, error)
}

func (s *Server) modelRoutes() {
	op(s, Op{ID: "list-models", Method: get, Path: v1 + "models", Need: Viewer, Summary: "Model files, and which machines have them"}, func(ctx context.Context, _ *none) (client.ModelList, error) {
		l, err := s.cfg.Models.Models(ctx)
		l.Version = client.ShapeVersion
		return l, err
	})
	op(s, Op{ID: "fetch-model", Method: post, Path: v1 + "models/fetch", Need: Admin, Summary: "Have a machine fetch a model file"}, func(ctx context.Context, in *struct{ Body client.ModelRequest }) (client.ModelFetch, error) {
		return s.cfg.Models.Fetch(ctx, in.Body)
	})
}
