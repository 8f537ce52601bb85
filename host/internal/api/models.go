package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Models are the model files of all machines.
type Models interface {
	Models(ctx context.Context) (client.ModelList, error)
	// Fetch has a machine fetch one.
	Fetch(ctx context.Context, r client.ModelRequest) (client.ModelFetch, error)
}

func (s *Server) listModels(c *fiber.Ctx) error {
	l, err := s.cfg.Models.Models(c.UserContext())
	if err != nil {
		return err
	}
	l.Version = client.ShapeVersion
	return c.JSON(l)
}

func (s *Server) fetchModel(c *fiber.Ctx) error {
	var r client.ModelRequest
	if err := readJSON(c, &r); err != nil {
		return err
	}
	f, err := s.cfg.Models.Fetch(c.UserContext(), r)
	if err != nil {
		return err
	}
	return c.JSON(f)
}
