package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/sdk/serve"
)

const (
	pluginName = "test"
	// stateEnv and redisEnv tell a process of this binary that it is an agent: with which state, of which fleet.
	stateEnv = "SPINBOT_TEST_AGENT_STATE"
	redisEnv = "SPINBOT_TEST_AGENT_REDIS"
)

// pace is a twentieth of what it is by default, but for how long an agent on a busy machine may be silent, and a stopped task may take
// to end.
var pace = fleet.Pace{Beat: 250 * time.Millisecond, Lost: time.Minute, Grace: time.Minute}

// TestMain lets this binary play a plugin and an agent too.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		serve.Plugin(nodes.Plugin())
		return
	}
	if dir := os.Getenv(stateEnv); dir != "" {
		if err := playAgent(dir, os.Getenv(redisEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// playAgent is an agent with the plugin of this binary, until its standard input ends.
func playAgent(dir, redis string) error {
	ctx := context.Background()
	state, err := local.At(dir)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	folder := filepath.Join(state.Plugins(), pluginName)
	err = errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, pluginName), program, 0o700),
		os.WriteFile(filepath.Join(folder, "plugin.hcl"), []byte("name = \"test\"\nversion = \"1.0.0\"\n"), 0o600))
	if err != nil {
		return err
	}
	lock, err := state.TryLock()
	if err != nil {
		return err
	}
	a, err := Open(ctx, Config{State: state, Lock: lock, Version: "test", Name: "box2", PluginDirs: []string{state.Plugins()}, Pace: pace,
		Dial: dial.Config{URL: redis}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	if _, err := a.catalog.Accept(ctx, pluginName); err != nil {
		return errors.Join(err, a.Close())
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	return errors.Join(a.Run(ctx, ended, time.Second), a.Close())
}
