package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Agent is a machine that carries out plugins' tasks for the host.
type Agent struct {
	// ID stays the same as long as the agent's state directory lives; Name is what people call it.
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Version  string            `json:"version"` // of its program
	Platform string            `json:"platform"`
	Labels   map[string]string `json:"labels,omitempty"`
	// State is ready, or why it gets no tasks: offline, draining, cordoned.
	State string `json:"state"`
	// Reason says more than State where there is more to say.
	Reason string     `json:"reason,omitempty"`
	Heard  *time.Time `json:"heard,omitempty"` // when it last said something; absent: not since the host began
	// Started is when its process began.
	Started time.Time     `json:"started"`
	Devices []KnownDevice `json:"devices"`
	// Tasks are the attempts that it works on for this host.
	Tasks   []string      `json:"tasks"`
	Plugins []AgentPlugin `json:"plugins"`
	Notes   []string      `json:"notes,omitempty"`
}

// The states of an agent.
const (
	AgentReady    = "ready"
	AgentOffline  = "offline"
	AgentDraining = "draining"
	AgentCordoned = "cordoned"
	// AgentIncompatible is one of a version of spinbot too far from the host's; Reason says what mends it.
	AgentIncompatible = "incompatible"
)

// AgentPlugin is a plugin on an agent.
type AgentPlugin struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	// Differs: the host checks pipelines against another version, so this one gets no tasks.
	Differs string `json:"differs,omitempty"`
	// Sendable: the host has that other version itself, and can send it in place of this one.
	Sendable bool `json:"sendable,omitempty"`
}

// AgentList is what GET /api/v1/agents answers.
type AgentList struct {
	Version int     `json:"version"`
	Agents  []Agent `json:"agents"`
}

// AgentOrder is what a person wants of an agent. One thing at a time.
type AgentOrder struct {
	// Cordon: it gets no more tasks; Drain: beside, what is not done after Grace seconds is handed back.
	Cordon bool   `json:"cordon,omitempty"`
	Drain  bool   `json:"drain,omitempty"`
	Grace  int    `json:"grace,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Resume: it gets tasks again.
	Resume bool `json:"resume,omitempty"`
	// Labels are set; one with an empty value is taken away.
	Labels map[string]string `json:"labels,omitempty"`
	// Plugin is one of the host's own that the agent is given.
	Plugin string `json:"plugin,omitempty"`
}

// JoinLine is the command with which one more machine becomes an agent.
type JoinLine struct {
	Command string    `json:"command"`
	Expires time.Time `json:"expires"`
}

// JoinRequest asks for a JoinLine.
type JoinRequest struct {
	TTL int `json:"ttl,omitempty"` // seconds; 0: 15 minutes
}

// Agents lists the machines of the fleet.
func (c *Client) Agents(ctx context.Context) (l AgentList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/agents", nil, &l)
}

// OrderAgent tells an agent something. name is its name or id, or a beginning of the id.
func (c *Client) OrderAgent(ctx context.Context, name string, o AgentOrder) (a Agent, err error) {
	return a, c.call(ctx, http.MethodPost, "/api/v1/agents/"+url.PathEscape(name), o, &a)
}

// RemoveAgent forgets an agent that will not come back.
func (c *Client) RemoveAgent(ctx context.Context, name string) (l AgentList, err error) {
	return l, c.call(ctx, http.MethodDelete, "/api/v1/agents/"+url.PathEscape(name), nil, &l)
}

// AgentHealth asks whether an agent is well; "local" is the host's own. One that is not answers too: with the Status "failing".
func (c *Client) AgentHealth(ctx context.Context, name string) (Health, error) {
	return c.health(ctx, "/api/v1/agents/"+url.PathEscape(name)+"/health")
}

// JoinAgent asks for the command with which one more machine becomes an agent.
func (c *Client) JoinAgent(ctx context.Context, r JoinRequest) (l JoinLine, err error) {
	return l, c.call(ctx, http.MethodPost, "/api/v1/agents/join", r, &l)
}
