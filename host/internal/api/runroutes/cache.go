package runroutes

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Routes) cacheRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-cache", Method: http.MethodGet, Path: route.V1 + "cache", Need: route.Viewer, Summary: "Results that are kept for later runs"}, s.listCache)
	route.JSON(s.Server, route.Op{ID: "forget-result", Method: http.MethodDelete, Path: route.V1 + "cache/{key}", Need: route.Operator, Summary: "Forget a result"}, s.forget)
	route.JSON(s.Server, route.Op{ID: "shrink-cache", Method: http.MethodPost, Path: route.V1 + "cache/gc", Need: route.Operator, Summary: "Forget results beyond a size, or all"}, s.shrink)
}

func (s *Routes) listCache(ctx context.Context, _ *route.None) (client.CacheList, error) {
	entries, err := s.cfg.Cache.List(ctx)
	return cacheShapes(entries), err
}

func cacheShapes(entries []cache.Entry) client.CacheList {
	l := client.CacheList{Version: client.ShapeVersion, Results: []client.CacheEntry{}}
	for _, e := range entries {
		l.Results = append(l.Results, client.CacheEntry{Key: e.Key, Type: e.Type, Source: e.Source, Created: e.Created.UTC(), Used: e.Used.UTC(), Size: e.Size})
	}
	return l
}

// forget removes the result whose key begins with what the path says, when there is exactly one.
func (s *Routes) forget(ctx context.Context, in *struct {
	Key string `path:"key" doc:"A result's key, or a unique beginning of it."`
}) (client.CacheList, error) {
	entries, err := s.cfg.Cache.List(ctx)
	if err != nil {
		return client.CacheList{}, err
	}
	found := slices.DeleteFunc(entries, func(e cache.Entry) bool { return !strings.HasPrefix(e.Key, in.Key) })
	switch len(found) {
	case 1:
		return s.drop(ctx, found)
	case 0:
		return client.CacheList{}, &client.Problem{Code: client.CodeNotFound, Detail: "no result " + in.Key + " is kept", Fix: "spinbot cache ls lists them"}
	}
	return client.CacheList{}, route.BadRequest("several results begin with "+in.Key, "give more of the key")
}

// shrink removes all results, or those beyond a size.
func (s *Routes) shrink(ctx context.Context, in *struct {
	Body *client.CacheGC
}) (client.CacheList, error) {
	gc := route.Given(in.Body)
	if gc.Limit == 0 {
		gc.Limit = s.cfg.CacheLimit
	}
	if gc.Limit < 0 || gc.Limit == 0 && !gc.All {
		return client.CacheList{}, route.BadRequest("say how many bytes may stay (limit), or that all goes (all)", "")
	}
	entries, err := s.cfg.Cache.List(ctx)
	if err != nil {
		return client.CacheList{}, err
	}
	if !gc.All {
		entries = cache.Excess(entries, gc.Limit)
	}
	return s.drop(ctx, entries)
}

func (s *Routes) drop(ctx context.Context, entries []cache.Entry) (client.CacheList, error) {
	for _, e := range entries {
		if err := s.cfg.Cache.Remove(ctx, e.Key); err != nil {
			return client.CacheList{}, err
		}
	}
	return cacheShapes(entries), nil
}
