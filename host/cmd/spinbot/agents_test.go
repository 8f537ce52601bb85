package main

import (
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestAgentsSayWhatMends: the command that is named is one that works.
func TestAgentsSayWhatMends(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	showAgents(&b, progress.Style{}, client.AgentList{Agents: []client.Agent{{Name: "box2", State: client.AgentReady, Plugins: []client.AgentPlugin{
		{Name: "voice", Version: "1.0.0", Differs: "1.1.0", Sendable: true},
		{Name: "render", Version: "1.0.0", Differs: "2.0.0"},
		{Name: "test", Version: "1.0.0"},
	}}}}, time.Time{})
	for _, want := range []string{
		"box2 has voice 1.0.0, and pipelines are checked against 1.1.0: it gets no tasks of it. spinbot plugins push voice --agent box2 sends it this one.\n",
		"box2 has render 1.0.0, and pipelines are checked against 2.0.0: it gets no tasks of it. This host has no render to send: install 2.0.0 there, or here and then spinbot plugins push render --agent box2.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\ndoes not say\n%s", b.String(), want)
		}
	}
	if strings.Contains(b.String(), "push test") {
		t.Errorf("it sends what is there: %s", b.String())
	}
}
