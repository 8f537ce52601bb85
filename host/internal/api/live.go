package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/sdk/client"
)

// openHub makes what tells everybody who watches of what happens.
func (s *Server) openHub() {
	s.hub = hub.New(hub.Config{Journal: s.cfg.Journal, Index: s.cfg.Index, Live: s.cfg.Live, Show: s.run, Summary: s.summary, Status: jobStatus, Problem: problemOf})
	s.sockets = socket.New(socket.Config{Hub: s.hub, Log: s.cfg.Log})
}

// Hub is where everything that happens to runs can be followed.
func (s *Server) Hub() *hub.Hub { return s.hub }

// Sockets is how many WebSockets are connected.
func (s *Server) Sockets() int { return s.sockets.Len() }

// jobStatus gives the word that the API of jobs has for a run's state.
func jobStatus(state string) string {
	switch state {
	case "created":
		return "queued"
	case "succeeded":
		return "completed"
	}
	return state
}

func (s *Server) liveRoutes() {
	s.bare(Op{ID: "live", Method: get, Path: "/ws", Need: Viewer, Summary: "A WebSocket that tells what happens to runs and jobs"}, nil, s.live)
}

// live makes a request a WebSocket. Who it is was looked at; it is looked at again for as long as it lasts.
func (s *Server) live(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	if who.private || s.cfg.SignIn == nil {
		return s.sockets.Serve(c, nil)
	}
	token, session := credentials(c)
	return s.sockets.Serve(c, s.still(who, strings.Clone(token), strings.Clone(session)))
}

// still says whether who came with a token or a session may still see things.
func (s *Server) still(who caller, token, session string) func(context.Context) error {
	return func(ctx context.Context) error {
		now, err := s.cfg.SignIn(ctx, token, session, who.address)
		if err == nil && now.May < Viewer {
			err = &client.Problem{Code: client.CodeUnauthorized, Detail: who.User + " may not see this any more", Fix: "sign in again"}
		}
		return err
	}
}
