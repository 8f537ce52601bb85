package fileroutes

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/search"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) listRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-artifacts", Method: http.MethodGet, Path: route.V1 + "artifacts", Need: route.Viewer, Summary: "The files of runs, the newest first, or by what they are about",
		Detail: "What runs were given and what they have made, of each run a file once. What nobody has used in a run yet is not among them."}, s.list)
	route.JSON(s.Server, route.Op{ID: "show-search", Method: http.MethodGet, Path: route.V1 + "search", Need: route.Viewer, Summary: "Whether files are found by what they are about, and how many of them are"},
		func(context.Context, *struct{}) (client.SearchState, error) {
			if s.cfg.Search == nil {
				return client.SearchState{Version: client.ShapeVersion}, nil
			}
			return s.cfg.Search.State(), nil
		})
}

func (s *routes) list(ctx context.Context, in *struct {
	route.Page
	Run       string `query:"run" doc:"Of the run with this id, the whole of it."`
	Pipeline  string `query:"pipeline" doc:"Of runs of the pipeline with this name."`
	MediaType string `query:"media_type" maxLength:"100" doc:"Whose media type begins like this, such as image/."`
	Q         string `query:"q" maxLength:"200" doc:"With this text in its name."`
	About     string `query:"about" maxLength:"500" doc:"Those that are most about this, in words, first; 500 at most. Only where the host has a model for it."`
	Before    string `query:"before" doc:"What the page before gave as next."`
	Skip      int    `query:"skip" minimum:"0" maximum:"1000000000" doc:"How many to leave out from there on: any page can be asked for at once."`
	Count     bool   `query:"count" doc:"Say how many there are from before on, as total."`
}) (client.ArtifactList, error) {
	limit := in.Size()
	q := store.FileQuery{Run: in.Run, Pipeline: in.Pipeline, MediaType: in.MediaType, Text: in.Q, Skip: in.Skip, Limit: limit + 1}
	if in.Before != "" {
		var err error
		if q.Before, err = strconv.ParseInt(in.Before, 10, 64); err != nil || q.Before < 1 {
			return client.ArtifactList{}, route.BadRequest("before is not what a page gave as next", "begin without it")
		}
	}
	if strings.TrimSpace(in.About) != "" {
		q.Limit = limit
		return s.about(ctx, in.About, q, in.Count)
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
	if in.Count {
		n, err := s.cfg.Files.CountFiles(ctx, q)
		if err != nil {
			return client.ArtifactList{}, err
		}
		list.Total = &n
	}
	for _, f := range files {
		list.Artifacts = append(list.Artifacts, s.shape(f))
	}
	return list, nil
}

// about lists what is most about something. Its pages are places in that order.
func (s *routes) about(ctx context.Context, about string, q store.FileQuery, count bool) (client.ArtifactList, error) {
	list := client.ArtifactList{Version: client.ShapeVersion, Artifacts: []client.RunArtifact{}}
	if s.cfg.Search == nil {
		return list, &client.Problem{Code: client.CodeUnavailable, Detail: "this host finds files by their names alone", Fix: "look for a name (q), or write search { model = \"nomic-embed-text\" } in spinbot.hcl and start spinbot again"}
	}
	from := int(min(q.Before, search.Most)) + q.Skip
	limit, left := q.Limit, 0
	if count { // they have to be found to be counted
		from, left, q.Limit = from-q.Skip, q.Skip, search.Most
	}
	found, more, err := s.cfg.Search.Find(ctx, about, q, from)
	var away *search.UnavailableError
	if errors.As(err, &away) {
		return list, &client.Problem{Code: client.CodeUnavailable, Detail: away.Error(), Fix: "look for a name instead, or try again later"}
	}
	if err != nil {
		return list, err
	}
	if count {
		list.Total = new(int)
		*list.Total = len(found)
		found = found[min(left, len(found)):]
	}
	if len(found) > limit {
		found, more = found[:limit], true
	}
	if more {
		list.Next = strconv.Itoa(from + left + len(found))
	}
	for _, n := range found {
		a := s.shape(n.File)
		a.Score = new(float64)
		*a.Score = math.Round(float64(n.Score)*1e4) / 1e4
		list.Artifacts = append(list.Artifacts, a)
	}
	return list, nil
}

func (s *routes) shape(f store.File) client.RunArtifact {
	a := client.RunArtifact{Digest: f.Digest, MediaType: f.MediaType, Size: f.Size, Name: s.cfg.Name(f.Name), Run: f.Run, Pipeline: f.Pipeline, At: f.At}
	if !f.Created.IsZero() {
		a.Created = new(time.Time)
		*a.Created = f.Created.UTC()
	}
	return a
}
