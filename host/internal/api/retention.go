package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// sweep removes what is old, or says what would go. Only the machine's own user may do the former.
func (s *Server) sweep(c *fiber.Ctx) error {
	var in client.Sweep
	if err := readJSON(c, &in); err != nil {
		return err
	}
	if !in.DryRun && !private(c) {
		return forbidden("runs are removed over the private socket only", "spinbot gc, or ask with dry_run what would go")
	}
	out, err := s.cfg.Retention.Sweep(c.UserContext(), in)
	if err != nil {
		return err
	}
	return c.JSON(out)
}

// pin marks the run as one that is kept, or takes the mark away.
func (s *Server) pin(on bool) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := readJSON(c, &struct{}{}); err != nil {
			return err
		}
		h, err := s.find(c)
		if err != nil {
			return err
		}
		if err := s.cfg.Retention.Pin(c.UserContext(), h.Run, on); err != nil {
			return err
		}
		return s.answerRun(c, h.Run)
	}
}
