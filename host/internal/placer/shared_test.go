package placer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeLeader is an owner and a leader without anything between them.
type fakeLeader struct {
	*lead.Owner
	all *lead.Leader
	rig *rig
}

func (f *fakeLeader) Agent(a lead.Agent) { f.all.Agent(a, f.rig.now) }
func (f *fakeLeader) Forget(id string)   { f.all.Forget(id) }

func (f *fakeLeader) Shortages() []placement.Shortage { return f.all.Shortages() }

// talk has both say all that they have to say, and the placer take what comes of it.
func (f *fakeLeader) talk() {
	for tick := true; ; tick = false {
		ask, something := f.Ask()
		f.all.Hear(ask, f.rig.now)
		answers := f.all.Act(tick, f.rig.now)
		for _, to := range answers {
			if to.Host == "box1" {
				f.Hear(to.Answer)
			}
		}
		if !something && len(answers) == 0 {
			break
		}
	}
	f.rig.Came()
}

// newShared is a placer of host box1, whose machine has devices of so many bytes, and which leads: agent box2 has one of 24 GiB.
func newShared(t *testing.T, memories ...int64) (*rig, *fakeLeader) {
	t.Helper()
	f := &fakeLeader{Owner: lead.NewOwner("box1", 1), all: lead.NewLeader("box1", placement.Policy{})}
	f.rig = &rig{now: time.Unix(1_700_000_000, 0)} // until there is a real one
	r := newRig(t, placer.Config{Leader: f, Here: "local"}, memories...)
	f.rig = r
	r.Agent(placement.Agent{ID: "box2", Name: "box2"}, []device.Device{{UUID: "GPU-9", Kind: device.Static, Name: "Test", Memory: 24 * gib}}, -1, -1, nil)
	f.all.Lead(lead.Term{Epoch: 1, Until: r.now.Add(time.Hour), Living: []string{"box1"}}, r.now)
	f.Follow("box1", 1)
	f.talk()
	return r, f
}

// TestShared: what finds no room on this machine gets an agent by who leads, and either way it gets something once.
func TestShared(t *testing.T) {
	t.Parallel()
	r, f := newShared(t, 16*gib)
	r.want("here", "", 16*gib)
	r.has(t, "here")
	if f.Why("here").ID != "" {
		t.Error("the leader is told of what found room here")
	}
	for _, id := range []string{"there", "waits"} {
		r.want(id, "", 16*gib)
	}
	r.has(t, "here")
	f.talk()
	r.has(t, "here", "there")
	if g := r.given["there"]; g.Agent != "box2" || g.Memory != 16*gib || !slices.Contains(r.expected, "there") {
		t.Errorf("it got %+v; %v are expected", g, r.expected)
	}
	if why := r.Why("waits"); !strings.Contains(why, "needs 16 GiB; GPU-9 has 8 GiB free, the rest is held by there") {
		t.Errorf("it waits: %s", why)
	}
	if got := r.Waiting(); !slices.Equal(got, []string{"waits"}) {
		t.Errorf("%v wait", got)
	}

	// a device becomes free at both at once: it gets one of them, and the other is free again
	r.Done("there", &placement.Went{})
	ask, _ := f.Ask()
	f.all.Hear(ask, r.now)
	late := f.all.Act(false, r.now)
	r.Done("here", &placement.Went{})
	r.has(t, "here", "there", "waits")
	for _, to := range late {
		f.Hear(to.Answer)
	}
	f.talk()
	if g := r.given["waits"]; g.Agent != "local" {
		t.Errorf("it got %+v", g)
	}
	r.want("next", "", 24*gib)
	f.talk()
	r.has(t, "here", "next", "there", "waits")
}

// TestSharedNever: what no agent could carry out may wait for this machine, and what nobody could has the reason of all.
func TestSharedNever(t *testing.T) {
	t.Parallel()
	r, f := newShared(t, 48*gib)
	r.want("large", "", 48*gib)
	r.want("too", "", 40*gib)
	r.want("huge", "", 80*gib)
	f.talk()
	r.has(t, "large")
	if why := r.Why("too"); !strings.Contains(why, "needs 40 GiB; GPU-0 on here has 0 B free, the rest is held by large") {
		t.Errorf("it waits: %s", why)
	}
	if why := r.Why("huge"); !strings.Contains(why, "no device could ever serve it: GPU-0 on here has 48 GiB in all, not 80 GiB; GPU-9 on box2 has 24 GiB in all, not 80 GiB") {
		t.Errorf("it waits: %s", why)
	}
	if a, why := r.Would(placement.Want{Type: sdk.NodeType{Name: "ollama.chat"}, Request: device.Request{Count: 1, Memory: 20 * gib}}); why != "the host that places tasks for all decides when it is due" {
		t.Errorf("it would go to %+v, or not: %s", a, why)
	}
}

// TestSharedHold: while nothing is to be given to anybody, the leader is not asked.
func TestSharedHold(t *testing.T) {
	t.Parallel()
	r, f := newShared(t)
	r.want("runs", "", 24*gib)
	r.want("waits", "", 24*gib)
	f.talk()
	r.has(t, "runs")
	r.Hold("the queue is paused")
	r.want("new", "", 24*gib)
	r.Done("runs", &placement.Went{})
	f.talk()
	r.has(t, "runs")
	if got := r.Waiting(); !slices.Equal(got, []string{"waits", "new"}) || r.Why("new") != "it waits: the queue is paused" {
		t.Errorf("%v wait, %q", got, r.Why("new"))
	}
	r.Hold("")
	f.talk()
	r.has(t, "runs", "waits")
}

// TestSharedHeld: the leader learns what attempts have that began before this host did, and who has to give way is told.
func TestSharedHeld(t *testing.T) {
	t.Parallel()
	r, f := newShared(t)
	r.want("held", "", 24*gib, func(w *placement.Want) {
		w.Held, w.Evictable = &placement.Given{Agent: "box2", Devices: []string{"GPU-9"}, Memory: 24 * gib}, true
	})
	r.want("waits", "", 24*gib)
	f.talk()
	r.has(t)
	if !slices.Equal(r.yields, []string{"held"}) {
		t.Errorf("%v have to give way", r.yields)
	}
	r.Done("held", &placement.Went{Error: &sdk.Error{Cause: sdk.CausePreempted}})
	f.talk()
	r.has(t, "waits")
	r.Done("waits", &placement.Went{Error: &sdk.Error{Cause: sdk.CauseRefused, Message: "the memory is taken"}})
	r.want("waits/2", "", 24*gib)
	f.talk()
	if why := r.Why("waits/2"); !strings.Contains(why, "refused") {
		t.Errorf("it waits: %s", why)
	}
	if !r.Forget("box2") {
		t.Error("there is no box2")
	}
	f.talk()
	if why := r.Why("waits/2"); !strings.Contains(why, "there is none") {
		t.Errorf("it waits: %s", why)
	}
}
