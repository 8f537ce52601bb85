package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openHub makes what tells everybody who watches of what happens.
func (s *Server) openHub() {
	s.hub = hub.New(hub.Config{Journal: s.cfg.Journal, Index: s.cfg.Index, Live: s.cfg.Live, Show: s.run, Summary: s.summary, Job: s.jobNow, Problem: problemOf})
	s.sockets = socket.New(socket.Config{Hub: s.hub, Log: s.cfg.Log})
}

// Hub is where everything that happens to runs can be followed.
func (s *Server) Hub() *hub.Hub { return s.hub }

// Sockets is how many WebSockets are connected.
func (s *Server) Sockets() int { return s.sockets.Len() }

// jobNow gives a run as a job.
func (s *Server) jobNow(ctx context.Context, id string) (client.Job, error) {
	r, err := s.run(ctx, id)
	return s.jobOf(r), err
}

func (s *Server) liveRoutes() {
	s.bare(Op{ID: "watch", Method: get, Path: "/ws", Need: Viewer, Summary: "What happens to runs, over a WebSocket",
		Detail: "Say client.Action's shape: Action in the components; what is said is a Message, or a list of them."}, func(o *huma.Operation) {
		o.Responses["101"] = &huma.Response{Description: "A WebSocket.", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[client.Message](s)}}}
		takes(o, "application/json", schemaOf[client.Action](s))
		o.RequestBody.Required = false
	}, s.live)
}

// live makes a request a WebSocket. Who it is was looked at; it is looked at again for as long as it lasts.
func (s *Server) live(c *fiber.Ctx) error {
	if !strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket") {
		return badRequest("this is a WebSocket", "connect with a WebSocket client, or read /api/v1/runs/ID/events")
	}
	who := callerOf(c.UserContext())
	if who.private {
		return s.sockets.Serve(c, nil)
	}
	token, cookie := bearer(c), strings.Clone(c.Cookies(sessionCookie))
	return s.sockets.Serve(c, func(ctx context.Context) error {
		if !s.signsIn() {
			return nil
		}
		_, err := s.cfg.Accounts.SignIn(ctx, token, cookie, who.address)
		return err
	})
}
