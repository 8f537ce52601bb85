package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestAgentsThatDoNotAnswer: each is told of in words, with what to do.
func TestAgentsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c, keys := server.Client(t), fleet.KeysOf(dial.DefaultNamespace)
	for id, v := range map[string]int{"old": 1, "far": protocol.Version + 2, "mute": protocol.Version, "gone": protocol.Version} {
		hello := fmt.Sprintf(`{"v":%d,"agent":%q,"session":"1","name":"%s-box","version":"0.8.0"}`, v, id, id)
		if err := c.HSet(t.Context(), keys.Agents(), id, hello).Err(); err != nil {
			t.Fatal(err)
		}
	}
	h := open(t, func(c *Config) {
		c.Version = "0.9.0"
		c.Fleet = &agents.Settings{Dial: dial.Config{URL: server.URL()}, Listen: "127.0.0.1:0", Name: "box1", NoAgent: true}
	})
	t.Cleanup(func() { stop(t, h) })
	if _, err := h.Serve(context.Background(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"old", "mute"} {
		beat := fmt.Sprintf(`{"v":%d,"agent":%q,"session":"1"}`, protocol.Answers-1, id)
		there := func() bool {
			m, err := h.fleet.Find(id)
			return err == nil && !m.Offline
		}
		for late := time.Now().Add(60 * time.Second); !there(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatal("it is not heard: " + id)
			}
			if err := c.Do(t.Context(), "XADD", keys.Beats(), "*", "k", "beat", "d", beat).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	short, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, context.DeadlineExceeded)
	defer cancel()
	for id, want := range map[string]client.Problem{
		"none":       {Code: client.CodeNotFound, Detail: `there is no agent "none"`, Fix: "spinbot agents lists"},
		"gone":       {Code: client.CodeUnavailable, Detail: "gone-box is offline", Fix: "start spinbot agent there"},
		"old":        {Code: client.CodeConflict, Detail: "old-box runs spinbot 0.8.0, which cannot be asked for its health", Fix: "install spinbot 0.9.0 there"},
		"far":        {Code: client.CodeConflict, Detail: "too far apart"},
		"mute":       {Code: client.CodeUnavailable, Detail: "mute-box has not said within 5s what its health is", Fix: "try again"},
		agents.Local: {Code: client.CodeNotFound, Detail: "runs with --no-agent", Fix: "spinbot agents"},
	} {
		_, err := h.relay().Health(short, id)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != want.Code || !strings.Contains(p.Detail, want.Detail) || !strings.Contains(p.Fix, want.Fix) {
			t.Errorf("%s: %v %+v", id, err, p)
		}
	}
	if _, err := h.relay().Metrics(short, agents.Local); err == nil {
		t.Error("a host without an agent has the agent's figures")
	}
}

// TestContainedAgent: the agent within the host is asked in process, without a fleet.
func TestContainedAgent(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *Config) { c.Version = "0.9.0" })
	t.Cleanup(func() { stop(t, h) })
	health, err := h.relay().Health(t.Context(), agents.Local)
	if err != nil || health.Status != "ok" || health.Version != "0.9.0" || health.Checks["plugins"] != "ok" || health.Checks["devices"] != "ok" {
		t.Errorf("%+v %v", health, err)
	}
	if text, err := h.relay().Metrics(t.Context(), agents.Local); err != nil || !strings.Contains(text, `agent="local"`) {
		t.Errorf("%.200s %v", text, err)
	}
	if _, err := h.relay().Metrics(t.Context(), "box2"); err == nil || !strings.Contains(err.Error(), "this host has no fleet") {
		t.Error(err)
	}
}
