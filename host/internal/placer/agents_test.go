package placer_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

func has(agent string, memory int64, devices ...string) func(*placement.Want) {
	return func(w *placement.Want) { w.Held = &placement.Given{Agent: agent, Devices: devices, Memory: memory} }
}

// TestHeldBefore: an attempt that has its devices already counts as running, whoever is known when, and asks for nothing.
func TestHeldBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib)
	r.want("far", "llama", 4*gib, has("box2", 8*gib, "GPU-9"))
	r.want("a", "", 6*gib, has("local", 8*gib, "GPU-0"))
	r.want("b", "", 4*gib)
	r.has(t)
	if fmt.Sprint(r.expected) != "[far a]" || len(r.Waiting()) != 1 || r.Why("a") != "" {
		t.Errorf("%v are expected, %v wait, a because %q", r.expected, r.Waiting(), r.Why("a"))
	}
	if why := r.Why("b"); !strings.Contains(why, "GPU-0 has 2 GiB free, the rest is held by a") {
		t.Error(why)
	}
	r.Agent(placement.Agent{ID: "box2", Name: "box2"}, []device.Device{{UUID: "GPU-9", Kind: device.Static, Memory: 10 * gib}}, -1, -1, nil)
	r.has(t)
	r.Done("far", &placement.Went{})
	r.has(t, "b")
	if g := r.given["b"]; g.Agent != "box2" {
		t.Errorf("%+v", g)
	}
	r.Done("a", &placement.Went{Error: &sdk.Error{Cause: sdk.CauseLost}})
	r.want("c", "", 10*gib)
	r.has(t, "b", "c")
}

// TestHeldTwice: whoever asks for it again, or waited for it, is the one that is told to give way.
func TestHeldTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{Policy: placement.Policy{Preempt: 1}}, 10*gib)
	r.want("x", "", 8*gib)
	r.want("a", "", 8*gib)
	r.Done("x", nil)
	r.has(t, "a", "x")
	told := 0
	again := placement.Want{ID: "a", Type: sdk.NodeType{Name: "ollama.chat"}, Held: &placement.Given{Agent: "local", Devices: []string{"GPU-0"}, Memory: 8 * gib}}
	r.Want(again, func(placement.Given) { t.Error("it has what it wants") }, func() { told++ })
	r.want("high", "", 8*gib, func(w *placement.Want) { w.Priority = 5 })
	if len(r.yields) != 0 || told != 1 {
		t.Errorf("%v were told to give way, and it %d times", r.yields, told)
	}
	r.Done("a", &placement.Went{Error: &sdk.Error{Cause: sdk.CausePreempted}})
	r.has(t, "a", "high", "x")
}

// TestHeldTeachesNothing: nobody here knows since when it ran.
func TestHeldTeachesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "learned.json")
	r := newRig(t, placer.Config{File: file}, 24*gib)
	for k := range 3 {
		id := fmt.Sprint("t", k)
		r.want(id, "flux", 0, has("local", 4*gib, "GPU-0"))
		r.pass(time.Second)
		r.Done(id, &placement.Went{Usage: &sdk.Usage{DeviceMemory: gib}})
	}
	r.want("next", "flux", 0)
	r.want("beside", "flux", gib)
	if why := r.Why("beside"); !strings.Contains(why, "used by next") {
		t.Errorf("something was learned: %q", why)
	}
}

// TestAgentOnly: a task without a device is given an agent; one that was forgotten gets none.
func TestAgentOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{})
	r.Agent(placement.Agent{ID: "local", Name: "here", Tasks: 1}, nil, -1, -1, nil)
	clip := func(w *placement.Want) { w.Type, w.Request = sdk.NodeType{Name: "render.clip"}, device.Request{} }
	r.want("a", "", 0, clip)
	r.want("b", "", 0, clip)
	if g := r.given["a"]; g.Agent != "local" || len(g.Devices) != 0 {
		t.Errorf("%+v", g)
	}
	if why := r.Why("b"); why != "here offers render.clip; it runs 1 task already" {
		t.Error(why)
	}
	r.Agent(placement.Agent{ID: "box2", Name: "box2", Offers: []string{"render.clip"}, Away: "offline"}, nil, -1, -1, nil)
	if why := r.Why("b"); why != "2 agents offer render.clip: here runs 1 task already; box2 is offline" {
		t.Error(why)
	}
	if !r.Forget("local") || r.Forget("local") {
		t.Error("it is not forgotten once")
	}
	r.Done("a", &placement.Went{})
	if why := r.Why("b"); why != "box2, which offers it, is offline" {
		t.Error(why)
	}
	r.Agent(placement.Agent{ID: "box2", Name: "box2", Offers: []string{"render.clip"}}, nil, -1, -1, nil)
	if g := r.given["b"]; g.Agent != "box2" {
		t.Errorf("%+v", g)
	}
}

// TestSettings: a task whose inputs need a setting goes where the plugin has it.
func TestSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{})
	r.Forget("local")
	draw := sdk.NodeType{Name: "a.draw", Inputs: sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "lora", Schema: sdk.Schema{Setting: "dir"}}}}}
	r.Agent(placement.Agent{ID: "box2", Name: "box2", Offers: draw.Offers(nil)}, nil, -1, -1, nil)
	asks := func(x any) func(*placement.Want) {
		return func(w *placement.Want) { w.Type, w.Request, w.Inputs = draw, device.Request{}, sdk.Values{"lora": x} }
	}
	r.want("without", "", 0, asks(nil))
	r.want("with", "", 0, asks("x"))
	if g := r.given["without"]; g.Agent != "box2" {
		t.Errorf("%+v", g)
	}
	if why := r.Why("with"); why != "no agent offers a.draw with dir" {
		t.Error(why)
	}
	r.Agent(placement.Agent{ID: "box3", Name: "box3", Offers: draw.Offers([]string{"dir"})}, nil, -1, -1, nil)
	if g := r.given["with"]; g.Agent != "box3" {
		t.Errorf("%+v", g)
	}
}
