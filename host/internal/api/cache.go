package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) listCache(c *fiber.Ctx) error {
	entries, err := s.cfg.Cache.List(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(cacheShapes(entries))
}

func cacheShapes(entries []cache.Entry) client.CacheList {
	l := client.CacheList{Version: client.ShapeVersion, Results: []client.CacheEntry{}}
	for _, e := range entries {
		l.Results = append(l.Results, client.CacheEntry{Key: e.Key, Type: e.Type, Source: e.Source, Created: e.Created.UTC(), Used: e.Used.UTC(), Size: e.Size})
	}
	return l
}

// forget removes the result whose key begins with what the path says, when there is exactly one.
func (s *Server) forget(c *fiber.Ctx) error {
	prefix := c.Params("key")
	entries, err := s.cfg.Cache.List(c.UserContext())
	if err != nil {
		return err
	}
	var found []cache.Entry
	for _, e := range entries {
		if strings.HasPrefix(e.Key, prefix) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return s.drop(c, found)
	case 0:
		return &client.Problem{Code: client.CodeNotFound, Detail: "no result " + prefix + " is kept", Fix: "spinbot cache ls lists them"}
	}
	return badRequest("several results begin with "+prefix, "give more of the key")
}

// shrink removes all results, or those beyond a size.
func (s *Server) shrink(c *fiber.Ctx) error {
	var in client.CacheGC
	if err := readJSON(c, &in); err != nil {
		return err
	}
	if in.Limit == 0 {
		in.Limit = s.cfg.CacheLimit
	}
	if in.Limit < 0 || in.Limit == 0 && !in.All {
		return badRequest("say how many bytes may stay (limit), or that all goes (all)", "")
	}
	entries, err := s.cfg.Cache.List(c.UserContext())
	if err != nil {
		return err
	}
	if !in.All {
		entries = cache.Excess(entries, in.Limit)
	}
	return s.drop(c, entries)
}

func (s *Server) drop(c *fiber.Ctx, entries []cache.Entry) error {
	for _, e := range entries {
		if err := s.cfg.Cache.Remove(c.UserContext(), e.Key); err != nil {
			return err
		}
	}
	return c.JSON(cacheShapes(entries))
}
