package host

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestIncompatibleAgent: one that is too far from the host is listed as that, with what mends it, though it has ended.
func TestIncompatibleAgent(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	hello := fmt.Sprintf(`{"v":%d,"agent":"b","session":"1","name":"box3","version":"9.0.0"}`, protocol.Version+2)
	if err := server.Client(t).HSet(t.Context(), fleet.KeysOf(dial.DefaultNamespace).Agents(), "b", hello).Err(); err != nil {
		t.Fatal(err)
	}
	h := open(t, func(c *Config) {
		c.Version = "0.1.0"
		c.Fleet = &agents.Settings{Dial: dial.Config{URL: server.URL()}, Listen: "127.0.0.1:0", Name: "box1"}
	})
	t.Cleanup(func() { stop(t, h) })
	if _, err := h.Serve(context.Background(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	list, err := h.Client().Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Agents) != 1 || list.Agents[0].State != client.AgentIncompatible || !strings.Contains(list.Agents[0].Reason, "install spinbot 9.0.0 on box1, and start spinbot serve there again") {
		t.Errorf("%+v", list.Agents)
	}
}
