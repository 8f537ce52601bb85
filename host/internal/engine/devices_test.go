package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// fakePlacer gives devices when the test says so.
type fakePlacer struct {
	mu    sync.Mutex
	wants map[string]placement.Want
	given map[string]func(placement.Given)
	yield map[string]func()
	done  []string
	held  string
}

func (f *fakePlacer) Want(w placement.Want, given func(placement.Given), yield func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wants[w.ID], f.given[w.ID], f.yield[w.ID] = w, given, yield
}

func (f *fakePlacer) Done(id string, went *placement.Went) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.wants, id)
	how := "never began"
	if went != nil {
		how = "well"
		if went.Error != nil {
			how = string(went.Error.Cause)
		}
	}
	f.done = append(f.done, id[strings.Index(id, "/")+1:]+": "+how)
}

func (f *fakePlacer) Why(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, waits := f.wants[id]; waits {
		return "GPU-1 is taken"
	}
	return ""
}

func (f *fakePlacer) Hold(why string) { f.mu.Lock(); defer f.mu.Unlock(); f.held = why }

// waiting names who waits, with the priority.
func (f *fakePlacer) waiting() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for id, w := range f.wants {
		out = append(out, fmt.Sprintf("%s %d", id[strings.Index(id, "/")+1:], w.Priority))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (f *fakePlacer) of(id run.ID, at string) (placement.Want, func(placement.Given), func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := string(id) + "/" + at
	return f.wants[key], f.given[key], f.yield[key]
}

func placed(t *testing.T, script map[string]task, test func(*rig, *fakePlacer)) {
	f := &fakePlacer{}
	bubble(t, script, func(r *rig) {
		*f = fakePlacer{wants: map[string]placement.Want{}, given: map[string]func(placement.Given){}, yield: map[string]func(){}}
		test(r, f)
	}, func(c *engine.Config) { c.Placer = f })
}

const onDevice = head + `
node "test.do" "a" {
  v        = 7
  priority = 2
  device {
    memory = "6GiB"
    model  = "llama"
  }
}
output "v" { value = node.a.v }
`

func TestDevices(t *testing.T) {
	t.Parallel()
	placed(t, nil, func(r *rig, f *fakePlacer) {
		id := r.submitAs(onDevice, "ada", 3)
		synctest.Wait()
		says(r, "who waits", f.waiting(), "node.a/1 5")
		w, given, _ := f.of(id, "node.a/1")
		if w.Owner != "ada" || w.Type.Name != "test.do" || w.Model != "llama" || w.Request.Memory != 6<<30 || w.Request.Count != 1 || fmt.Sprint(w.Inputs["v"]) != "7" {
			r.Errorf("%+v", w)
		}
		x, err := r.Explain(context.Background(), id, nil)
		if err != nil || !strings.Contains(fmt.Sprint(x), "GPU-1 is taken") {
			r.Errorf("%v %v", x, err)
		}
		if err := r.Prioritize(context.Background(), id, 10, "ada"); err != nil {
			r.Error(err)
		}
		says(r, "who waits after its run went up", f.waiting(), "node.a/1 12")
		r.Hold("the disk is full")
		says(r, "why nothing is given", f.held, "the disk is full")
		r.Hold("")
		given(placement.Given{Agent: "local", Devices: []string{"GPU-1"}, Memory: 6 << 30})
		s := r.wait(id, run.Succeeded)
		if i := s.Nodes[0].Instances[0]; fmt.Sprint(i.Devices) != "[GPU-1]" || i.Agent != "local" || i.Memory != 6<<30 {
			r.Errorf("%+v", i)
		}
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: well")
		for _, ev := range r.events(id) {
			if ev.Kind == run.AttemptStarted && (fmt.Sprint(ev.Devices) != "[GPU-1]" || ev.Agent != "local") {
				r.Errorf("%+v", ev)
			}
		}
	})
}

// TestDevicesGivenBack: whoever waits in vain is taken out, whoever has to give way begins anew, and what comes for one that
// has gone is given back.
func TestDevicesGivenBack(t *testing.T) {
	t.Parallel()
	placed(t, map[string]task{"a": hang}, func(r *rig, f *fakePlacer) {
		id := r.submitAs(onDevice, "ada", 0)
		synctest.Wait()
		_, late, _ := f.of(id, "node.a/1")
		r.cancel(id)
		r.wait(id, run.Cancelled)
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: never began")
		late(placement.Given{Devices: []string{"GPU-1"}})
		synctest.Wait()
		says(r, "what came too late", f.done[len(f.done)-1], "node.a/1: never began")

		f.done = nil
		id = r.submitAs(onDevice, "ada", 0)
		synctest.Wait()
		_, given, yield := f.of(id, "node.a/1")
		given(placement.Given{Devices: []string{"GPU-1"}})
		synctest.Wait()
		yield()
		r.exec.mu.Lock()
		r.exec.script["a"] = echo
		r.exec.mu.Unlock()
		synctest.Wait()
		time.Sleep(2 * time.Second) // the bubble's clock: it is tried again a second later
		synctest.Wait()
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a/1: preempted")
		says(r, "who waits again", f.waiting(), "node.a/2 2")
		_, given, _ = f.of(id, "node.a/2")
		given(placement.Given{Devices: []string{"GPU-2"}})
		s := r.wait(id, run.Succeeded)
		if i := s.Nodes[0].Instances[0]; i.Tries != 0 || fmt.Sprint(i.Devices) != "[GPU-2]" {
			r.Errorf("giving way cost a retry: %+v", i)
		}
	})
}

// TestDevicesOfOneInstance: cancelling one instance that waits takes only that one out.
func TestDevicesOfOneInstance(t *testing.T) {
	t.Parallel()
	placed(t, nil, func(r *rig, f *fakePlacer) {
		id := r.submitAs(head+`
node "test.do" "a" {
  for_each   = ["x", "y"]
  on_failure = "continue"
  v          = each.value
  device { memory = "6GiB" }
}`, "ada", 0)
		synctest.Wait()
		says(r, "who waits", f.waiting(), "node.a[0]/1 0, node.a[1]/1 0")
		at, err := sdk.ParseAddress(string(id) + "/node.a[0]")
		if err == nil {
			err = r.CancelNode(context.Background(), at, "ada", "")
		}
		if err != nil {
			r.Fatal(err)
		}
		synctest.Wait()
		says(r, "who waits on", f.waiting(), "node.a[1]/1 0")
		_, given, _ := f.of(id, "node.a[1]/1")
		given(placement.Given{Devices: []string{"GPU-1"}})
		synctest.Wait()
		says(r, "what was given back", strings.Join(f.done, ", "), "node.a[0]/1: never began, node.a[1]/1: well")
	})
}

func says(r *rig, what, got, text string) {
	r.Helper()
	if got != text {
		r.Errorf("%s: %q, want %q", what, got, text)
	}
}
