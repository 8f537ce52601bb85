package fileroutes

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) listRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-artifacts", Method: http.MethodGet, Path: route.V1 + "artifacts", Need: route.Viewer, Summary: "The files of runs, the newest first",
		Detail: "What runs were given and what they have made, of each run a file once. What nobody has used in a run yet is not among them."}, s.list)
}

func (s *routes) list(ctx context.Context, in *struct {
	route.Page
	Run       string `query:"run" doc:"Of the run with this id, the whole of it."`
	Pipeline  string `query:"pipeline" doc:"Of runs of the pipeline with this name."`
	MediaType string `query:"media_type" maxLength:"100" doc:"Whose media type begins like this, such as image/."`
	Q         string `query:"q" maxLength:"200" doc:"With this text in its name."`
	Before    string `query:"before" doc:"What the page before gave as next."`
}) (client.ArtifactList, error) {
	limit := in.Size()
	q := store.FileQuery{Run: in.Run, Pipeline: in.Pipeline, MediaType: in.MediaType, Text: in.Q, Limit: limit + 1}
	if in.Before != "" {
		var err error
		if q.Before, err = strconv.ParseInt(in.Before, 10, 64); err != nil || q.Before < 1 {
			return client.ArtifactList{}, route.BadRequest("before is not what a page gave as next", "begin without it")
		}
	}
	files, err := s.cfg.Files.Files(ctx, q)
	if err != nil {
		return client.ArtifactList{}, err
	}
	list := client.ArtifactList{Version: client.ShapeVersion, Artifacts: []client.RunArtifact{}}
	if len(files) > limit {
		files = files[:limit]
		list.Next = strconv.FormatInt(files[limit-1].Num, 10)
	}
	for _, f := range files {
		a := client.RunArtifact{Digest: f.Digest, MediaType: f.MediaType, Size: f.Size, Name: s.cfg.Name(f.Name), Run: f.Run, Pipeline: f.Pipeline, At: f.At}
		if !f.Created.IsZero() {
			a.Created = new(time.Time)
			*a.Created = f.Created.UTC()
		}
		list.Artifacts = append(list.Artifacts, a)
	}
	return list, nil
}
