package api

import "github.com/gofiber/fiber/v2"

func (s *Server) listQueue(c *fiber.Ctx) error {
	limit, err := limitOf(c)
	if err != nil {
		return err
	}
	return s.showQueue(c, limit)
}

func (s *Server) showQueue(c *fiber.Ctx, limit int) error {
	q, err := s.cfg.Queue.Queue(c.UserContext(), limit)
	if err != nil {
		return err
	}
	return c.JSON(q)
}

func (s *Server) tellQueue(what string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := readJSON(c, &struct{}{}); err != nil {
			return err
		}
		if err := s.cfg.Queue.TellQueue(c.UserContext(), what, owner); err != nil {
			return err
		}
		return s.showQueue(c, pageSize)
	}
}
