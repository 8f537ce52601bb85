package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// steps are the parts of a plugin's life in which it can die; as a program, one starts processes in that step, tells
// of them and goes no further.
var steps = []string{"start", "handshake", "configure", "task", "resident", "unload", "idle"}

// stepPlugin is a plugin that is stuck at a step.
func stepPlugin(step string) sdk.Plugin {
	at := func(here string) {
		if step == here {
			tellOffspring()
			select {}
		}
	}
	at("start")
	if step == "handshake" {
		fmt.Println("1|1|unix|" + filepath.Join(filepath.Dir(os.Args[0]), "nobody") + "|grpc|")
		at("handshake")
	}
	return sdk.Plugin{
		Name: "test", Version: "1.0.0", Description: "Is stuck at a step",
		ConfigSchema: &sdk.Schema{Type: "object"}, Configure: func(context.Context, sdk.Values) error { at("configure"); return nil },
		Resident: func(context.Context) ([]sdk.Model, error) { at("resident"); return nil, nil },
		Unload:   func(context.Context, string) error { at("unload"); return nil },
		Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{Name: "test.load", Description: "Loads", Device: &sdk.DeviceNeed{}},
			func(context.Context, loadIn, *sdk.Task) (none, error) {
				at("task")
				if step == "idle" {
					tellOffspring()
				}
				return none{}, nil
			})},
	}
}

// TestKilledAtEveryStep: whatever a plugin is at when it, or its host's patience, ends, nothing of it is left soon after.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		for _, by := range []string{"kill -9", "close", "evict"} {
			t.Run(step+" by "+by, func(t *testing.T) {
				t.Parallel()
				killAt(t, step, by)
			})
		}
	}
}

func killAt(t *testing.T, step, by string) {
	b := as(t, "stuck-at-"+step)
	b.UsesDevices = true
	e := open(t, b, func(c *Config) { c.UnloadTimeout = 300 * time.Millisecond })
	task, evicted := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := e.Execute(context.Background(), loading(nil, "fake-a"))
		task <- err
	}()
	if step == "unload" || step == "idle" {
		if err := <-task; err != nil {
			t.Fatal(err)
		}
		task <- nil
	}
	if step == "unload" {
		go func() { evicted <- e.Evict(context.Background(), "test", []string{"fake-a"}) }()
	}
	pids := toldOffspring(t, b)
	if len(pids) != 4 {
		t.Fatalf("processes %v", pids)
	}
	for _, p := range pids {
		if !alive(p) {
			t.Fatalf("%d is not alive to begin with", p)
		}
	}
	switch by {
	case "kill -9":
		syscall.Kill(pids[0], syscall.SIGKILL)
	case "close":
		e.Close()
	case "evict":
		err := e.Evict(context.Background(), "test", []string{"fake-a"})
		var busy *BusyError
		switch step {
		case "start", "handshake", "configure", "task":
			if !errors.As(err, &busy) {
				t.Fatalf("evicted while it is at %s: %v", step, err)
			}
			return // and Close at the end
		}
		if err != nil {
			t.Error(err)
		}
	}
	noneLeft(t, pids)
	if step == "unload" {
		if err := <-evicted; err != nil {
			t.Errorf("evict: %v", err)
		}
		return
	}
	endedAt(t, step, by, <-task)
	until(t, "no process known", func() bool { return len(e.Warm()) == 0 })
}

// endedAt judges how the task ended that was under way.
func endedAt(t *testing.T, step, by string, err error) {
	t.Helper()
	if step == "idle" || step == "resident" {
		if err != nil {
			t.Errorf("the task was over, but %v", err)
		}
		return
	}
	got := sdk.AsError(err)
	want := sdk.CauseFailed
	if by == "close" {
		want = sdk.CauseDrained
	}
	if got == nil || got.Cause != want || by == "kill -9" && !strings.Contains(got.Message, "killed") {
		t.Errorf("got %+v, want %s", got, want)
	}
}
