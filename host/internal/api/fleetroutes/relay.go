package fleetroutes

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) relayRoutes() {
	const one, about = route.V1 + "agents/{name}/", "The host asks the agent, which has 5 seconds to answer. The host's own is called local."
	s.Bare(route.Op{ID: "agent-health", Method: http.MethodGet, Path: one + "health", Need: route.Viewer, Summary: "Whether an agent is well", Detail: about}, func(o *huma.Operation) {
		route.Returns(o, "200", "It is.", "application/json", route.SchemaOf[client.Health](s.Server))
		route.Returns(o, "503", "It is not; or, as a problem, it does not answer.", "application/json", route.SchemaOf[client.Health](s.Server))
	}, s.agentHealth)
	s.Bare(route.Op{ID: "agent-metrics", Method: http.MethodGet, Path: one + "metrics", Need: route.Viewer, Summary: "An agent's metrics in the text form of Prometheus", Detail: about}, func(o *huma.Operation) {
		route.Returns(o, "200", "The metrics, with a label agent.", "text/plain", route.TextSchema)
	}, s.agentMetrics)
}

func (s *routes) agentHealth(c *fiber.Ctx) error {
	h, err := s.cfg.Relay.Health(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	if h.Status != "ok" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(h)
}

func (s *routes) agentMetrics(c *fiber.Ctx) error {
	text, err := s.cfg.Relay.Metrics(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	c.Type("txt", "utf-8")
	return c.SendString(text)
}
