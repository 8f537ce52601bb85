package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// TestFleetDocument keeps docs/fleet.md to the rights that are wanted, and to commands and flags that there are.
func TestFleetDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(repository, "docs/fleet.md"))
	if err != nil {
		t.Fatal(err)
	}
	agent := dial.AgentRights(dial.DefaultNamespace, "")
	agent.User = "agent"
	for _, r := range []dial.Rights{dial.HostRights(dial.DefaultNamespace), agent} {
		if line := "redis-cli " + r.SetUser() + "\n"; !strings.Contains(string(raw), line) {
			t.Errorf("it does not have the line that a refusal prints:\n%s", line)
		}
	}
	flag := regexp.MustCompile(`--([a-z][a-z-]*)`)
	tried := 0
	p := &program{file: config.Default(), origins: map[string]origin{}}
	root := &cobra.Command{Use: "spinbot"}
	root.AddCommand(p.commands()...)
	for _, block := range docBlock.FindAllStringSubmatch(string(raw), -1) {
		for line := range strings.Lines(block[4]) {
			words := strings.Fields(line)
			if block[3] != "sh" || len(words) < 2 || words[0] != "spinbot" {
				continue
			}
			tried++
			c, _, err := root.Find(words[1:])
			if err != nil || !c.Runnable() {
				t.Errorf("%s: there is no such command (%v)", line, err)
				continue
			}
			for _, m := range flag.FindAllStringSubmatch(line, -1) {
				if c.Flag(m[1]) == nil {
					t.Errorf("%s has no flag --%s", c.CommandPath(), m[1])
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("%d commands were looked at", tried)
	}
}
