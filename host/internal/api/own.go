package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/sdk/client"
)

// ownRoutes are those of the server itself.
func (s *Server) ownRoutes() {
	s.Bare(route.Op{ID: "health", Method: http.MethodGet, Path: "/health", Need: route.Anyone, Summary: "Whether the host is well"}, func(o *huma.Operation) {
		route.Returns(o, "200", "It is.", "application/json", route.SchemaOf[client.Health](s.Server))
		route.Returns(o, "503", "It is not.", "application/json", route.SchemaOf[client.Health](s.Server))
	}, s.health)
	s.Bare(route.Op{ID: "metrics", Method: http.MethodGet, Path: "/metrics", Need: route.Viewer, Summary: "Metrics in the text form of Prometheus"}, func(o *huma.Operation) {
		route.Returns(o, "200", "The metrics.", "text/plain", route.TextSchema)
	}, s.metrics)
	s.Bare(route.Op{ID: "profile", Method: http.MethodGet, Path: "/debug/pprof/{name}", Need: route.Admin, Changes: true, Summary: "A profile of the host's process",
		Detail: "The profile named profile is of its processors, that named trace of all that its goroutines do, both over ?seconds=30; allocs, block, goroutine, heap, mutex and threadcreate are as of now. go tool pprof reads it, go tool trace reads trace."},
		func(o *huma.Operation) {
			route.Query(o, "seconds", "How long it lasts, from 1 to 300.", route.TextSchema)
			route.Query(o, "debug", "1 or 2: as text, of those that are as of now.", route.TextSchema)
			route.Returns(o, "200", "The profile.", "application/octet-stream", route.BytesSchema)
		}, s.profile)
	s.Bare(route.Op{ID: "openapi", Method: http.MethodGet, Path: "/api/openapi.json", Need: route.Anyone, Summary: "This description"}, nil, s.openapi)
	s.Bare(route.Op{ID: "watch", Method: http.MethodGet, Path: "/ws", Need: route.Viewer, Summary: "What happens to runs, over a WebSocket",
		Detail: "Say client.Action's shape: Action in the components; what is said is a Message, or a list of them."}, func(o *huma.Operation) {
		o.Responses["101"] = &huma.Response{Description: "A WebSocket.", Content: map[string]*huma.MediaType{"application/json": {Schema: route.SchemaOf[client.Message](s.Server)}}}
		route.Takes(o, "application/json", route.SchemaOf[client.Action](s.Server))
		o.RequestBody.Required = false
	}, s.watch)
	s.Bare(route.Op{ID: "edit", Method: http.MethodGet, Path: route.V1 + "lsp", Need: route.Viewer, Summary: "A language server for a pipeline, over a WebSocket",
		Detail: "Each text message is one of the Language Server Protocol 3.17, without its header. The pipeline's folder is file:///."}, func(o *huma.Operation) {
		route.Query(o, "pipeline", "Which one; it need not be there yet.", route.TextSchema)
		o.Responses["101"] = &huma.Response{Description: "A WebSocket."}
	}, s.edit)
}

func (s *Server) health(c *fiber.Ctx) error {
	h := client.Health{Status: "ok", Version: s.cfg.Version, Checks: map[string]string{}}
	for name, check := range s.cfg.Checks {
		h.Checks[name] = "ok"
		if err := check(c.UserContext()); err != nil {
			h.Status, h.Checks[name] = "failing", err.Error()
		}
	}
	if h.Status != "ok" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(h)
}

func (s *Server) metrics(c *fiber.Ctx) error {
	c.Type("txt", "utf-8")
	return s.cfg.Metrics(c)
}

func (s *Server) openapi(c *fiber.Ctx) error {
	raw, err := json.Marshal(s.OpenAPI())
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/openapi+json")
	return c.Send(raw)
}

// watch makes a request a WebSocket. Who it is was looked at; it is looked at again for as long as it lasts.
func (s *Server) watch(c *fiber.Ctx) error {
	if !upgrades(c) {
		return route.BadRequest("this is a WebSocket", "connect with a WebSocket client, or read /api/v1/runs/ID/events")
	}
	return s.sockets.Serve(c, s.Again(c))
}

// edit makes a request the connection of an editor.
func (s *Server) edit(c *fiber.Ctx) error {
	if !upgrades(c) || s.cfg.Edit == nil {
		return route.BadRequest("this is a WebSocket", "connect with an editor's client, or ask /api/v1/pipelines/check")
	}
	pipeline := c.Query("pipeline")
	return s.editors.Serve(c, route.CallerOf(c.UserContext()).User, s.Again(c), func(ctx context.Context, with *socket.Pipe) error {
		return s.cfg.Edit(ctx, pipeline, with)
	})
}

func upgrades(c *fiber.Ctx) bool { return strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket") }
