package leases_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeBox is a machine with several fake GPUs.
type fakeBox map[string]*fakeGPU

func (b fakeBox) Warm() (out []leases.Process) {
	for _, g := range b {
		out = append(out, g.Warm()...)
	}
	return out
}

func (b fakeBox) Unload(ctx context.Context, plugin string, devices []string, model string) error {
	return b[devices[0]].Unload(ctx, plugin, devices, model)
}

func (b fakeBox) Evict(ctx context.Context, plugin string, devices []string) error {
	return b[devices[0]].Evict(ctx, plugin, devices)
}

func (b fakeBox) devices() (out []device.Device) {
	for _, uuid := range []string{"GPU-0", "GPU-1"} {
		out = append(out, b[uuid].device())
	}
	return out
}

// TestRandomFailures: a thousand tasks on two devices fail at random: out of memory, with their process, with their device,
// by themselves. Each ends, no device holds more than it has, and in the end nothing is held.
func TestRandomFailures(t *testing.T) {
	t.Parallel()
	box := fakeBox{}
	start, began := time.Unix(1_700_000_000, 0), time.Now()
	now := func() time.Time { return start.Add(time.Since(began) * 100) } // what takes seconds in truth takes tens of milliseconds
	for _, uuid := range []string{"GPU-0", "GPU-1"} {
		box[uuid] = &fakeGPU{uuid: uuid, now: now, memory: 24 * gib, unloads: true, tells: true, models: map[string]int64{}, alive: map[string]bool{}}
	}
	m := &machine{}
	m.held = leases.New(leases.Config{Processes: box, RAM: -1, Disk: -1, Patience: 10 * time.Second, Changed: m.changed, Now: now})
	m.placer = placer.New(placer.Config{Plugin: func(t string) string { p, _, _ := strings.Cut(t, "."); return p }, Expect: m.held.Expect, Now: now})
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(5, 8))
	m.exec = exec.Lease(exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
		g := box[task.Devices[0]]
		if res, err := g.run(func(model string) int64 { return int64(len(model)) * gib }).Execute(ctx, task); err != nil {
			return res, err
		}
		plugin, _, _ := strings.Cut(task.Type, ".")
		mu.Lock()
		how := r.IntN(20)
		mu.Unlock()
		switch how {
		case 0:
			g.crash(plugin)
			return sdk.Result{}, sdk.Fail("its process crashed", "")
		case 1:
			g.crash(plugin)
			return sdk.Result{}, &exec.DeviceLostError{Devices: task.Devices, Err: &sdk.Error{Cause: sdk.CauseLost, Message: "the GPU is lost"}}
		case 2:
			return sdk.Result{}, sdk.Refuse("it does not like its inputs", "")
		case 3:
			return sdk.Result{}, &sdk.Error{Cause: sdk.CauseOOM, Message: "out of memory, it says"}
		}
		return sdk.Result{}, nil
	}), m.held)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var looking, working sync.WaitGroup
	m.held.Observe(box.devices())
	looking.Go(func() {
		for ctx.Err() == nil {
			m.held.Observe(box.devices())
			time.Sleep(200 * time.Microsecond) // the pace of readings, which nothing depends on
		}
	})
	ended := make(chan error, 1000)
	for k := range 10 {
		working.Go(func() {
			own := rand.New(rand.NewPCG(uint64(k), 9))
			for n := range 100 {
				model := strings.Repeat("m", 1+own.IntN(14))
				ended <- m.do(ctx, k*100+n, []string{"ollama", "comfyui"}[own.IntN(2)], model, int64(len(model))*gib)
			}
		})
	}
	working.Wait()
	cancel()
	looking.Wait()
	if len(ended) != 1000 {
		t.Fatalf("%d of 1000 tasks ended", len(ended))
	}
	for range 1000 {
		if err := <-ended; err != nil && strings.Contains(err.Error(), "waits:") {
			t.Fatal(err)
		}
	}
	for uuid, g := range box {
		if g.most > g.memory {
			t.Errorf("%s held %d bytes of %d", uuid, g.most, g.memory)
		}
	}
	for uuid, use := range m.held.Uses() {
		if len(use.Tasks) > 0 {
			t.Errorf("%s is held by %v still", uuid, use.Tasks)
		}
	}
	if w := m.placer.Waiting(); len(w) > 0 {
		t.Errorf("%v wait on", w)
	}
}
