package pipelineroutes

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) triggerRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-triggers", Method: http.MethodGet, Path: route.V1 + "triggers", Need: route.Viewer, Summary: "What makes runs by itself"}, func(ctx context.Context, _ *route.None) (client.TriggerList, error) {
		list, err := s.cfg.Triggers.List(ctx)
		return client.TriggerList{Version: client.ShapeVersion, Triggers: route.Some(list)}, err
	})
	route.JSONAt(s.Server, route.Op{ID: "fire-trigger", Method: http.MethodPost, Path: route.V1 + "triggers/{pipeline}/{name}/fire", Need: route.Operator, Status: fiber.StatusAccepted, Summary: "Make a run of a trigger now"}, s.fire)
	s.Bare(route.Op{ID: "hook", Method: http.MethodPost, Path: route.Hooks + "{pipeline}/{name}", Need: route.Anyone, Status: fiber.StatusAccepted, Summary: "Make a run of a webhook's request, which its signature lets in"},
		func(o *huma.Operation) {
			route.Takes(o, "application/json", &huma.Schema{})
			route.Returns(o, "202", "The run that was made.", "application/json", route.SchemaOf[client.Delivered](s.Server))
		}, s.hook)
}

// fire makes a run of a trigger because a person asks for it.
func (s *routes) fire(ctx context.Context, in *struct {
	Pipeline string `path:"pipeline"`
	Name     string `path:"name"`
	Body     *client.TriggerEvent
}) (client.Run, string, error) {
	r, err := s.cfg.Triggers.Fire(ctx, in.Pipeline, in.Name, route.CallerOf(ctx).User, route.Given(in.Body))
	return r, route.V1 + "runs/" + r.ID, err
}

// hook takes a webhook's request: its body as it was sent, since that is what was signed.
func (s *routes) hook(c *fiber.Ctx) error {
	raw, err := s.ReadBody(c, trigger.MaxBody, "send a link to what is large")
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
