// Package fleetroutes is what the REST API says of what carries out tasks: agents, accelerators, model files, plugins and the
// node types that they offer.
package fleetroutes

import (
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
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

// Relay is what agents say of themselves, this host's own, called "local", too. The name is as for Agents. What an agent does not
// answer is a problem that says why.
type Relay interface {
	Health(ctx context.Context, name string) (client.Health, error)
	// Metrics are in the text form of Prometheus.
	Metrics(ctx context.Context, name string) (string, error)
}

// Devices are the accelerators of this machine.
type Devices interface {
	// Devices lists them as of the last look; the first look is waited for.
	Devices(ctx context.Context) (client.DeviceList, error)
	// Hold takes a device out of use, why for people; an empty why takes it back. Tasks on it go on.
	Hold(ctx context.Context, uuid, why string) error
	// Series gives the figures of one after a time; uuid may be a unique beginning.
	Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error)
}

// Models are the model files of all machines.
type Models interface {
	Models(ctx context.Context) (client.ModelList, error)
	// Fetch has a machine fetch one.
	Fetch(ctx context.Context, r client.ModelRequest) (client.ModelFetch, error)
	// Remove has a machine delete one, and gives what that was.
	Remove(ctx context.Context, r client.ModelRemoval) (client.ModelCopy, error)
}

// Catalog is what plugins and node types there are.
type Catalog interface {
	NodeTypes(ctx context.Context) (client.NodeTypeList, error)
	Plugins(ctx context.Context) ([]client.Plugin, error)
	Trust(ctx context.Context, name string) (client.Plugin, error)
}

// Config is what the routes need. Every part has to be there.
type Config struct {
	Agents  Agents
	Relay   Relay
	Devices Devices
	Models  Models
	Catalog Catalog
}

type routes struct {
	*route.Server
	cfg Config
}

// Add adds the routes to a server.
func Add(to *route.Server, cfg Config) {
	s := &routes{to, cfg}
	s.catalogRoutes()
	s.agentRoutes()
	s.relayRoutes()
	s.modelRoutes()
	s.deviceRoutes()
}
