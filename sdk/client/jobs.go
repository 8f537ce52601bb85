package client

import (
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Job is a run as the first MySpinBot's programs know it.
type Job struct {
	JobID string `json:"jobId"`
	// Status is queued, running, paused, completed, failed or cancelled.
	Status string `json:"status"`
	// Progress is in percent.
	Progress int        `json:"progress"`
	Error    string     `json:"error,omitempty"`
	Outputs  sdk.Values `json:"outputs,omitempty"`
	Created  time.Time  `json:"created"`
	Updated  time.Time  `json:"updated"`
}

// Capability is a node type, with the agents that carry it out beside the host.
type Capability struct {
	sdk.NodeType
	Agents []string `json:"agents"`
}

// Capabilities is what all machines together can do.
type Capabilities struct {
	Version   int          `json:"version"`
	NodeTypes []Capability `json:"node_types"`
}

// Offers says whether an agent has the plugin of a node type, in the version that the host knows.
func (a Agent) Offers(nodeType string) bool {
	plugin, _, _ := strings.Cut(nodeType, ".")
	return slices.ContainsFunc(a.Plugins, func(p AgentPlugin) bool { return p.Name == plugin && p.Differs == "" })
}
