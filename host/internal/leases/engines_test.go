package leases_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/sdk"
)

// engines are two engines that somebody else runs on one device of 24 GiB. Each holds one model, in a process that is not ours.
type engines struct {
	mu    sync.Mutex
	holds map[string]sdk.Model // by plugin
	used  map[string]time.Time
	asked []string // to unload
}

func (e *engines) Warm() (out []leases.Process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for plugin, used := range e.used {
		p := leases.Process{Plugin: plugin, Devices: []string{"GPU-0"}, PIDs: []int{1}, Used: used, Tells: true}
		if m := e.holds[plugin]; m.Name != "" {
			p.Models = []sdk.Model{m}
		}
		out = append(out, p)
	}
	return out
}

func (e *engines) Unload(_ context.Context, plugin string, _ []string, model string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, plugin+" "+model)
	delete(e.holds, plugin)
	return nil
}

func (e *engines) Evict(ctx context.Context, plugin string, devices []string) error {
	return e.Unload(ctx, plugin, devices, "")
}

func (e *engines) read() []device.Device {
	e.mu.Lock()
	defer e.mu.Unlock()
	var used int64
	processes := []device.Process{}
	for _, m := range e.holds {
		used += m.Memory
		processes = append(processes, device.Process{PID: 900 + len(processes), Memory: &m.Memory})
	}
	free := 24*gib - used
	return []device.Device{{UUID: "GPU-0", Kind: device.CUDA, Memory: 24 * gib, Reading: device.Reading{At: time.Now(), Used: &used, Free: &free, Processes: processes}}}
}

// TestEnginesThatRunByThemselves: what they hold is in processes of theirs, under names of theirs, and may have been there before. Each
// step is a task, and what it makes the engines give up.
func TestEnginesThatRunByThemselves(t *testing.T) {
	t.Parallel()
	flux := sdk.Model{Name: "flux.safetensors", Memory: 16 * gib}
	for name, c := range map[string]struct {
		before map[string]sdk.Model
		tasks  []string // plugin, model and GiB; 0: nobody knows
		asked  string
	}{
		"one model stays":                  {nil, []string{"ollama llama 14", "ollama llama 14"}, "[]"},
		"by a name of its own":             {nil, []string{"comfyui sdxl 16", "comfyui sdxl 16", "comfyui sdxl 16"}, "[]"},
		"one that is not kept":             {nil, []string{"ollama llama 14", "ollama gone 4", "ollama llama 14"}, "[]"},
		"by no name":                       {nil, []string{"comfyui - 16", "comfyui - 16"}, "[]"},
		"in turns":                         {nil, []string{"ollama llama 14", "comfyui sdxl 16", "ollama llama 14"}, "[ollama llama comfyui flux.safetensors]"},
		"what was there before":            {map[string]sdk.Model{"comfyui": flux}, []string{"ollama llama 14"}, "[comfyui flux.safetensors]"},
		"nobody knows what is needed":      {nil, []string{"ollama llama 14", "comfyui - 0"}, "[ollama llama]"},
		"what nobody knew was needed goes": {nil, []string{"comfyui - 0", "ollama llama 14"}, "[comfyui flux.safetensors]"},
		"somebody works with it":           {map[string]sdk.Model{"comfyui": {Name: "flux", Memory: gib, InUse: true}}, []string{"ollama llama 0"}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &engines{holds: map[string]sdk.Model{}, used: map[string]time.Time{"ollama": time.Now(), "comfyui": time.Now()}}
			for plugin, m := range c.before {
				e.holds[plugin] = m
			}
			k := leases.New(leases.Config{Processes: e, RAM: -1, Disk: -1, Engines: []string{"GPU-0"}})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			var looking sync.WaitGroup
			k.Observe(e.read())
			looking.Go(func() {
				for ctx.Err() == nil {
					k.Observe(e.read())
				}
			})
			defer looking.Wait()
			defer cancel()
			for n, text := range c.tasks {
				var plugin, model string
				var size int64
				if _, err := fmt.Sscan(text, &plugin, &model, &size); err != nil {
					t.Fatal(err)
				}
				if model == "-" {
					model = ""
				}
				at := sdk.Address{Run: fmt.Sprintf("run_%026d", n), Node: sdk.Step{Kind: "node", Name: "x"}, Attempt: 1}
				k.Expect(placement.Assignment{Task: placement.Task{ID: at.String(), Plugin: plugin, Model: model, Request: device.Request{Count: 1, Memory: size * gib, Exclusive: size == 0}}, Devices: []string{"GPU-0"}})
				_, err := exec.Lease(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) {
					e.mu.Lock()
					defer e.mu.Unlock()
					e.used[plugin] = time.Now()
					e.holds[plugin] = flux
					if plugin == "ollama" {
						e.holds[plugin] = sdk.Model{Name: strings.Replace(model, "gone", "llama", 1), Memory: 14 * gib}
					}
					if len(e.holds) > 1 && c.before["comfyui"].Memory != gib {
						t.Errorf("%s: both are there: %v", text, e.holds)
					}
					return sdk.Result{}, nil
				}), k).Execute(ctx, &sdk.Task{Address: at, Type: plugin + ".do", Devices: []string{"GPU-0"}})
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				k.Observe(e.read())
			}
			if got := fmt.Sprint(e.asked); got != c.asked {
				t.Errorf("given up: %s, want %s", got, c.asked)
			}
		})
	}
}
