package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Agents are the machines that carry out plugins' tasks beside the host's own.
type Agents interface {
	Agents(ctx context.Context) ([]client.Agent, error)
	// Order tells one something: by its name, its id or a beginning of that.
	Order(ctx context.Context, name string, o client.AgentOrder) (client.Agent, error)
	// Remove forgets one that will not come back.
	Remove(ctx context.Context, name string) error
	// Join gives the command with which one more machine becomes an agent.
	Join(ctx context.Context, ttl time.Duration) (client.JoinLine, error)
}

func (s *Server) listAgents(c *fiber.Ctx) error {
	list, err := s.cfg.Agents.Agents(c.UserContext())
	if err != nil {
		return err
	}
	if list == nil {
		list = []client.Agent{}
	}
	return c.JSON(client.AgentList{Version: client.ShapeVersion, Agents: list})
}

func (s *Server) orderAgent(c *fiber.Ctx) error {
	var o client.AgentOrder
	if err := readJSON(c, &o); err != nil {
		return err
	}
	a, err := s.cfg.Agents.Order(c.UserContext(), c.Params("name"), o)
	if err != nil {
		return err
	}
	return c.JSON(a)
}

func (s *Server) removeAgent(c *fiber.Ctx) error {
	if err := s.cfg.Agents.Remove(c.UserContext(), c.Params("name")); err != nil {
		return err
	}
	return s.listAgents(c)
}

func (s *Server) joinAgent(c *fiber.Ctx) error {
	var r client.JoinRequest
	if err := readJSON(c, &r); err != nil {
		return err
	}
	line, err := s.cfg.Agents.Join(c.UserContext(), time.Duration(r.TTL)*time.Second)
	if err != nil {
		return err
	}
	return c.JSON(line)
}
