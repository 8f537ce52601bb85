package fleetroutes

import (
	"context"
	"net/http"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) agentRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-agents", Method: http.MethodGet, Path: route.V1 + "agents", Need: route.Viewer, Summary: "Machines that carry out tasks"}, s.listAgents)
	route.JSON(s.Server, route.Op{ID: "join-agent", Method: http.MethodPost, Path: route.V1 + "agents/join", Need: route.Admin, Summary: "The command with which one more machine becomes an agent"}, func(ctx context.Context, in *struct {
		Body *client.JoinRequest
	}) (client.JoinLine, error) {
		return s.cfg.Agents.Join(ctx, time.Duration(route.Given(in.Body).TTL)*time.Second)
	})
	route.JSON(s.Server, route.Op{ID: "order-agent", Method: http.MethodPost, Path: route.V1 + "agents/{name}", Need: route.Admin, Summary: "Drain, cordon or resume an agent, label it, send it a plugin"}, func(ctx context.Context, in *struct {
		OneAgent
		Body client.AgentOrder
	}) (client.Agent, error) {
		return s.cfg.Agents.Order(ctx, in.Name, in.Body)
	})
	route.JSON(s.Server, route.Op{ID: "remove-agent", Method: http.MethodDelete, Path: route.V1 + "agents/{name}", Need: route.Admin, Summary: "Forget an agent that will not come back"}, func(ctx context.Context, in *OneAgent) (client.AgentList, error) {
		if err := s.cfg.Agents.Remove(ctx, in.Name); err != nil {
			return client.AgentList{}, err
		}
		return s.listAgents(ctx, nil)
	})
}

// OneAgent names an agent.
type OneAgent struct {
	Name string `path:"name" doc:"An agent's name, its id, or a unique beginning of that."`
}

func (s *routes) listAgents(ctx context.Context, _ *route.None) (client.AgentList, error) {
	list, err := s.cfg.Agents.Agents(ctx)
	return client.AgentList{Version: client.ShapeVersion, Agents: route.Some(list)}, err
}
