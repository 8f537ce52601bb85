package api

import (
	"context"
	"time"

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

func (s *Server) agentRoutes() {
	op(s, Op{ID: "list-agents", Method: get, Path: v1 + "agents", Need: Viewer, Summary: "Machines that carry out tasks"}, s.listAgents)
	op(s, Op{ID: "join-agent", Method: post, Path: v1 + "agents/join", Need: Admin, Summary: "The command with which one more machine becomes an agent"}, func(ctx context.Context, in *struct {
		Body *client.JoinRequest
	}) (client.JoinLine, error) {
		return s.cfg.Agents.Join(ctx, time.Duration(given(in.Body).TTL)*time.Second)
	})
	op(s, Op{ID: "order-agent", Method: post, Path: v1 + "agents/{name}", Need: Admin, Summary: "Drain, cordon or resume an agent, label it, send it a plugin"}, func(ctx context.Context, in *struct {
		OneAgent
		Body client.AgentOrder
	}) (client.Agent, error) {
		return s.cfg.Agents.Order(ctx, in.Name, in.Body)
	})
	op(s, Op{ID: "remove-agent", Method: del, Path: v1 + "agents/{name}", Need: Admin, Summary: "Forget an agent that will not come back"}, func(ctx context.Context, in *OneAgent) (client.AgentList, error) {
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

func (s *Server) listAgents(ctx context.Context, _ *none) (client.AgentList, error) {
	list, err := s.cfg.Agents.Agents(ctx)
	return client.AgentList{Version: client.ShapeVersion, Agents: some(list)}, err
}
