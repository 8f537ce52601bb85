package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Pipelines are those in the host's folders.
type Pipelines interface {
	List(ctx context.Context) ([]client.Pipeline, error)
	// Show gives all there is to say of one, with its graph as "dot", "mermaid" or "text".
	Show(ctx context.Context, name, graph string) (client.Pipeline, error)
}

// Triggers are what makes runs by itself.
type Triggers interface {
	List(ctx context.Context) ([]client.Trigger, error)
	Fire(ctx context.Context, pipeline, name, owner string, e client.TriggerEvent) (client.Run, error)
	// Deliver gives the run of a webhook's request, which may be anybody's: it looks at the signature first.
	Deliver(ctx context.Context, pipeline, name string, q trigger.Request) (run string, err error)
}

// hooks is where webhooks are asked.
const hooks = "/hooks/"

func (s *Server) listPipelines(c *fiber.Ctx) error {
	list, err := s.cfg.Pipelines.List(c.UserContext())
	if err != nil {
		return err
	}
	if list == nil {
		list = []client.Pipeline{}
	}
	return c.JSON(client.PipelineList{Version: client.ShapeVersion, Pipelines: list})
}

func (s *Server) showPipeline(c *fiber.Ctx) error {
	graph := c.Query("graph")
	switch graph {
	case "":
		graph = "mermaid"
	case "dot", "mermaid", "text":
	default:
		return badRequest("there is no graph format "+graph, "dot, mermaid or text")
	}
	p, err := s.cfg.Pipelines.Show(c.UserContext(), c.Params("name"), graph)
	if err != nil {
		return err
	}
	return c.JSON(p)
}

func (s *Server) listTriggers(c *fiber.Ctx) error {
	list, err := s.cfg.Triggers.List(c.UserContext())
	if err != nil {
		return err
	}
	if list == nil {
		list = []client.Trigger{}
	}
	return c.JSON(client.TriggerList{Version: client.ShapeVersion, Triggers: list})
}

// fire makes a run of a trigger because a person asks for it.
func (s *Server) fire(c *fiber.Ctx) error {
	var e client.TriggerEvent
	if err := readJSON(c, &e); err != nil {
		return err
	}
	r, err := s.cfg.Triggers.Fire(c.UserContext(), c.Params("pipeline"), c.Params("name"), owner, e)
	if err != nil {
		return err
	}
	c.Location("/api/v1/runs/" + r.ID)
	return c.Status(fiber.StatusAccepted).JSON(r)
}

// hook takes a webhook's request: its body as it was sent, since that is what was signed.
func (s *Server) hook(c *fiber.Ctx) error {
	raw, err := readBody(c, trigger.MaxBody, "send a link to what is large")
	if err != nil {
		return err
	}
	q := trigger.Request{Headers: map[string]string{}, Query: c.Queries(), Body: raw}
	for name, values := range c.GetReqHeaders() {
		q.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	run, err := s.cfg.Triggers.Deliver(c.UserContext(), c.Params("pipeline"), c.Params("name"), q)
	if err != nil {
		return err
	}
	c.Location("/api/v1/runs/" + run)
	return c.Status(fiber.StatusAccepted).JSON(client.Delivered{Version: client.ShapeVersion, Run: run})
}
