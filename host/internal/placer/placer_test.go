package placer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

const gib = int64(1) << 30

// rig is a placer with one agent of some devices, and a clock.
type rig struct {
	*placer.Placer
	mu       sync.Mutex
	now      time.Time
	expected []string
	given    map[string]placement.Given
	yields   []string
}

func newRig(t *testing.T, c placer.Config, memories ...int64) *rig {
	t.Helper()
	r := &rig{now: time.Unix(1_700_000_000, 0), given: map[string]placement.Given{}}
	c.Now = func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }
	c.Plugin = func(nodeType string) string { p, _, _ := strings.Cut(nodeType, "."); return p }
	c.Expect = func(a placement.Assignment) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.expected = append(r.expected, a.Task.ID)
	}
	r.Placer = placer.New(c)
	t.Cleanup(func() { _ = r.Close() })
	var devices []device.Device
	for k, m := range memories {
		devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Kind: device.Static, Name: "Test", Memory: m})
	}
	r.Agent(placement.Agent{ID: "local", Name: "here"}, devices, -1, -1, nil)
	return r
}

func (r *rig) pass(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

func (r *rig) want(id, model string, memory int64, change ...func(*placement.Want)) {
	w := placement.Want{ID: id, Owner: "anna", Type: sdk.NodeType{Name: "ollama.chat"}, Model: model, Request: device.Request{Count: 1, Memory: memory}}
	for _, c := range change {
		c(&w)
	}
	r.Want(w, func(g placement.Given) { r.mu.Lock(); defer r.mu.Unlock(); r.given[id] = g }, func() { r.mu.Lock(); defer r.mu.Unlock(); r.yields = append(r.yields, id) })
}

func (r *rig) has(t *testing.T, ids ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for id := range r.given {
		got = append(got, id)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Fatalf("%v have devices, not %v", got, ids)
	}
}

func TestWaitsAndIsGiven(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib)
	r.want("a", "llama", 8*gib)
	r.want("b", "flux", 8*gib)
	r.has(t, "a")
	if g := r.given["a"]; g.Agent != "local" || len(g.Devices) != 1 || g.Devices[0] != "GPU-0" || g.Memory != 8*gib || g.Warm || r.expected[0] != "a" {
		t.Errorf("%+v", g)
	}
	if why := r.Why("b"); !strings.Contains(why, "needs 8 GiB; GPU-0 has 2 GiB free, the rest is held by a until about") || !strings.Contains(why, "expected to begin") {
		t.Errorf("%q", why)
	}
	if why := r.Why("a"); why != "" {
		t.Errorf("it has a device, and waits: %s", why)
	}
	if w := r.Waiting(); len(w) != 1 || w[0] != "b" {
		t.Error(w)
	}
	r.Done("a", &placement.Went{})
	r.has(t, "a", "b")
	r.Done("b", &placement.Went{})
	r.want("c", "flux", 8*gib)
	if !r.given["c"].Warm {
		t.Error("its model was loaded, and it was not told so")
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib)
	r.Hold("the disk is full")
	r.want("a", "", gib)
	if why := r.Why("a"); why != "it waits: the disk is full" {
		t.Error(why)
	}
	r.has(t)
	r.Hold("")
	r.has(t, "a")
	r.HoldPlugin("ollama", "it is being updated")
	r.want("b", "", gib)
	if why := r.Why("b"); !strings.Contains(why, "plugin ollama is held: it is being updated") {
		t.Error(why)
	}
	r.HoldPlugin("ollama", "")
	r.has(t, "a", "b")
	if !r.HoldDevice("GPU-0", "a game") || r.HoldDevice("GPU-9", "x") {
		t.Error("the wrong device was held")
	}
	r.want("c", "", gib)
	if why := r.Why("c"); !strings.Contains(why, "GPU-0 is held: a game") {
		t.Error(why)
	}
	r.HoldDevice("GPU-0", "")
	r.has(t, "a", "b", "c")
}

func TestNeverAndWould(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib, 20*gib)
	w := placement.Want{Type: sdk.NodeType{Name: "ollama.chat"}, Request: device.Request{Count: 1, Memory: 30 * gib}}
	if why := r.Never(w); !strings.Contains(why, "GPU-0 has 10 GiB in all, not 30 GiB; GPU-1 has 20 GiB in all") {
		t.Error(why)
	}
	w.Request.Memory = 15 * gib
	if why := r.Never(w); why != "" {
		t.Error(why)
	}
	if a, why := r.Would(w); why != "" || fmt.Sprint(a.Devices) != "[GPU-1]" || a.Agent != "local" {
		t.Errorf("%+v %s", a, why)
	}
	r.want("a", "", 15*gib)
	if _, why := r.Would(w); !strings.Contains(why, "held by a") {
		t.Error(why)
	}
}

func TestLearns(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "learned.json")
	r := newRig(t, placer.Config{File: file}, 24*gib)
	sized := func(n string) func(*placement.Want) {
		return func(w *placement.Want) {
			w.Type.Device = &sdk.DeviceNeed{SizeInputs: []string{"width", "frames"}}
			w.Inputs = sdk.Values{"width": json.Number(n), "frames": json.Number("2")}
		}
	}
	for k := range 3 {
		id := fmt.Sprint("t", k)
		r.want(id, "flux", 0, sized("512"))
		if g := r.given[id]; len(g.Devices) != 1 {
			t.Fatalf("%+v", g)
		}
		if k == 0 {
			r.want("other", "flux", gib)
			if why := r.Why("other"); !strings.Contains(why, "used by t0") {
				t.Errorf("what nobody knows the need of does not have its device alone: %s", why)
			}
			r.Done("other", nil)
		}
		r.pass(10 * time.Second)
		r.Done(id, &placement.Went{Usage: &sdk.Usage{DeviceMemory: 4 * gib}})
	}
	r.want("known", "flux", 0, sized("520"))
	if g := r.given["known"]; g.Memory < 4*gib || g.Memory > 5*gib {
		t.Errorf("learned 4 GiB, and gave %d", g.Memory)
	}
	r.want("larger", "flux", 0, sized("4096"))
	if why := r.Why("larger"); !strings.Contains(why, "device of its own") {
		t.Errorf("another size: %q", why)
	}
	r.pass(49 * time.Second)
	if r.Crawls("known") {
		t.Error("crawls too soon")
	}
	r.pass(2 * time.Second)
	if !r.Crawls("known") || r.Crawls("larger") {
		t.Error("51 s is more than five times 10 s")
	}
	r.Done("known", &placement.Went{Error: &sdk.Error{Cause: sdk.CauseSpilling}})
	r.Done("larger", nil)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := newRig(t, placer.Config{File: file}, 24*gib)
	again.want("next", "flux", 0, sized("512"))
	if g := again.given["next"]; g.Memory < 5*gib || g.Memory > 7*gib {
		t.Errorf("after it crawled with less, it got %d", g.Memory)
	}
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	anew := newRig(t, placer.Config{File: file}, 24*gib)
	anew.want("x", "flux", gib)
	anew.has(t, "x")
}

func TestRefusedAndYielded(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib)
	evictable := func(w *placement.Want) { w.Evictable = true }
	r.want("low", "", 10*gib, evictable)
	r.has(t, "low")
	r.want("high", "", 10*gib)
	if len(r.yields) != 1 || r.yields[0] != "low" {
		t.Fatalf("%v have to give way", r.yields)
	}
	r.Done("low", &placement.Went{Error: &sdk.Error{Cause: sdk.CausePreempted}})
	r.has(t, "high", "low")
	r.Done("high", &placement.Went{Error: &sdk.Error{Cause: sdk.CauseRefused, Message: "the memory is taken"}})
	delete(r.given, "high")
	delete(r.given, "low")
	r.want("high/2", "", 10*gib)
	if why := r.Why("high/2"); !strings.Contains(why, "refused") {
		t.Errorf("%q", why)
	}
	r.has(t)
	r.Agent(placement.Agent{ID: "local"}, []device.Device{{UUID: "GPU-0", Kind: device.Static, Name: "Test", Memory: 10 * gib}}, -1, -1, nil)
	r.has(t, "high/2")
}

// TestHammer has many attempts come, go, and be given devices at once: nobody is forgotten, nothing is given twice.
func TestHammer(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 24*gib, 24*gib)
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for n := range 50 {
				id := fmt.Sprintf("%d-%d", k, n)
				given := make(chan placement.Given, 1)
				r.Want(placement.Want{ID: id, Owner: fmt.Sprint(k % 3), Type: sdk.NodeType{Name: "p.x"}, Model: fmt.Sprint(n % 4), Request: device.Request{Count: 1, Memory: 9 * gib}},
					func(g placement.Given) { given <- g }, func() {})
				if n%7 == 3 {
					r.Done(id, nil) // whether it has a device or not
					continue
				}
				<-given
				r.Done(id, &placement.Went{})
			}
		})
	}
	wg.Wait()
	if w := r.Waiting(); len(w) != 0 {
		t.Errorf("%v wait on", w)
	}
	r.want("last", "", 24*gib)
	r.has(t, "last")
}

// TestLeases: what an attempt holds of a device is told with its end, and no more once it has given it back.
func TestLeases(t *testing.T) {
	t.Parallel()
	r := newRig(t, placer.Config{}, 10*gib, 10*gib)
	r.want("a", "llama", 6*gib)
	r.has(t, "a")
	on := r.Leases("local")[r.given["a"].Devices[0]]
	if len(on) != 1 || on[0].ID != "a" || on[0].Memory != 6*gib || !strings.HasSuffix(on[0].Warm, "#llama") || !on[0].Ends.After(r.now) {
		t.Errorf("%+v", on)
	}
	r.Done("a", &placement.Went{})
	if left := r.Leases("local"); len(left) != 0 {
		t.Errorf("%+v", left)
	}
	if other := r.Leases("box9"); len(other) != 0 {
		t.Errorf("%+v", other)
	}
}
