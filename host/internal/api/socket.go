package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) socketRoute() {
	s.bare(Op{ID: "watch", Method: get, Path: "/ws", Need: Viewer, Summary: "Runs as they go on, over a WebSocket",
		Detail: `Say {"action": "SUBSCRIBE", "runId": ID, "after": SEQ}, or UNSUBSCRIBE. Without after there is a snapshot first; then events, each with its ` +
			`sequence number, and reports as they come. With jobId instead of runId there are updates as the first MySpinBot sent them.`},
		func(o *huma.Operation) { o.Responses["101"] = &huma.Response{Description: "A WebSocket."} }, s.watch)
}

func (s *Server) watch(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	token, cookie := bearer(c), strings.Clone(c.Cookies(sessionCookie))
	return s.sockets.Upgrade(c, func(ctx context.Context) bool {
		if who.By == "" { // over the private socket, or nobody had to sign in
			return who.private || !s.signsIn()
		}
		_, err := s.cfg.Accounts.SignIn(ctx, token, cookie, who.address)
		return err == nil
	})
}

// watched is what sockets tell of.
type watched struct{ s *Server }

// Find implements socket.Runs.
func (w watched) Find(ctx context.Context, id string) (store.Head, error) { return w.s.find(ctx, id) }

// Show implements socket.Runs.
func (w watched) Show(ctx context.Context, id string) (client.Run, error) { return w.s.run(ctx, id) }

// Job implements socket.Runs.
func (w watched) Job(ctx context.Context, id string) (client.Job, error) {
	r, err := w.s.run(ctx, id)
	return w.s.jobOf(r), err
}

// Problem implements socket.Runs.
func (w watched) Problem(ctx context.Context, err error) *client.Problem {
	return &w.s.explain(ctx, err).Problem
}
