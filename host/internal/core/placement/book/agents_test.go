package book_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

// newAgents makes a book with agents that have no devices: "box2 4" takes four tasks at once, "box3 4 render.clip" offers
// only that.
func newAgents(agents ...string) *table {
	t := &table{Book: book.New(placement.Policy{}), now: time.Unix(1_700_000_000, 0)}
	for _, text := range agents {
		t.agent(text, "")
	}
	return t
}

func (t *table) agent(text, away string) *table {
	var offers []string
	var a placement.Agent
	words := strings.Fields(text)
	if len(words) > 2 {
		offers = words[2:]
	}
	a = placement.Agent{ID: words[0], Offers: offers, Away: away}
	if len(words) > 1 {
		if _, err := fmt.Sscan(words[1], &a.Tasks); err != nil {
			panic(err)
		}
	}
	t.SetAgent(a)
	return t
}

// clips adds tasks that need no device.
func (t *table) clips(owner string, n int, changes ...change) *table {
	for k := range n {
		task := placement.Task{ID: fmt.Sprintf("%s%d", owner, k+1), Owner: owner, Type: "render.clip", Plugin: "render", Lasts: 10 * time.Second, Since: t.now}
		for _, c := range changes {
			c(&task)
		}
		t.Add(task, t.now)
	}
	return t
}

// where adds who goes to which agent to what was said.
func (t *table) where() *table {
	for _, a := range t.Decide(t.now, nil) {
		t.said = append(t.said, a.Task.ID+"@"+a.Agent)
	}
	return t
}

// because adds why a task waits to what was said.
func (t *table) because(id string) *table {
	t.said = append(t.said, t.Why(id, t.now).Text)
	return t
}

func render(n int) change { return func(t *placement.Task) { t.Concurrency = n } }
func typed(name string) change {
	return func(t *placement.Task) { t.Type, t.Plugin, _ = name, strings.Split(name, ".")[0], 0 }
}

// TestAgents: each rule of how a task without devices gets an agent, and why it waits, by itself.
func TestAgents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"the one with the least to do, of what it takes", newAgents("box2 8", "box3 4").clips("a", 4).where(), "a1@box2, a2@box3, a3@box2, a4@box2"},
		{"one that is warm and idle first", newAgents("box2", "box3").clips("a", 2).where().ends("a2").clear().clips("b", 2).where(), "b1@box3, b2@box2"},
		{"one whose process went with its task is not warm", newAgents("box2", "box3").clips("a", 2).where().dies("a2").clear().clips("b", 1).clips("c", 1, typed("voice.say")).where(), "b1@box3, c1@box2"},
		{"only where it is offered", newAgents("box2 9 voice.say", "box3 1 render.clip").clips("a", 2).where().because("a2"), "a1@box3, box3 offers render.clip; it runs 1 task already"},
		{"no more than it takes", newAgents("box2 2", "box3 1").clips("a", 4).where().ends("a2").where(), "a1@box2, a2@box3, a3@box2, a4@box3"},
		{"as many as the process takes", newAgents("box2", "box3").clips("a", 3, render(1)).where().because("a3").clips("b", 1, typed("voice.say")).where().ends("a1").where(),
			"a1@box2, a2@box3, box2 and box3 offer render.clip; both take 1 task of render at once, and have as many, b1@box2, a3@box2"},
		{"users take turns", newAgents("box2 4").clips("a", 5).clips("b", 5).where(), "a1@box2, b1@box2, a2@box2, b2@box2"},
		{"by priority", newAgents("box2 2").clips("a", 2).clips("b", 1, priority(1)).where(), "b1@box2, a1@box2"},
		{"256 unless told", newAgents("box2", "box3").clips("a", 513).discard().because("a513"), "box2 and box3 offer render.clip; both run 256 tasks already"},
		{"offline", newAgents("box2 4 render.clip", "box3 4 voice.say").agent("box2 4 render.clip", "offline").clips("a", 1).where().because("a1"), "box2, which offers it, is offline"},
		{"offline and full", newAgents("box2 1", "box3", "box4 1").agent("box3", "draining").clips("a", 3).where().because("a3"),
			"a1@box2, a2@box4, 3 agents offer render.clip: box2 and box4 run 1 task already; box3 is draining"},
		{"many", newAgents("b2 1", "b3 1", "b4 1", "b5 1", "b6 1").clips("a", 6).discard().because("a6"), "b2, b3, b4 and 2 more offer render.clip; all run 1 task already"},
		{"nobody", newAgents("box2 4 voice.say").clips("a", 1).where().because("a1"), "no agent offers render.clip"},
		{"nobody at all", newAgents().clips("a", 1).where().because("a1"), "no agent offers render.clip"},
		{"comes back", newAgents("box2").agent("box2", "offline").clips("a", 1).where().agent("box2", "").where(), "a1@box2"},
		{"offers more", newAgents("box2 4 voice.say").clips("a", 1).where().agent("box2 4 render.clip voice.say", "").where(), "a1@box2"},
		{"a refusal", newAgents("box2", "box3").clips("a", 1).where().refuses("a1").where().refuses("a1").where().because("a1"),
			"a1@box2, a1@box3, box2 and box3 offer render.clip; both refused it, and have said nothing since; it was placed before, and came back: full"},
		{"with a model too", newAgents("box2").clips("a", 1, model("m")).where().ends("a1").clips("b", 2, model("m")).where(), "a1@box2, b1@box2, b2@box2"},
		{"RAM", newTable(placement.Policy{}).clips("a", 2, ask(func(r *device.Request) { r.RAM = 40 * giga })).where().because("a2").ends("a1").where(),
			"a1@box, box offers render.clip; it has too little: it needs 40 GiB of RAM, and 24 GiB of 64 GiB are free, a2@box"},
		{"forgotten", newAgents("box2 1", "box3 1").clips("a", 3).where().forget("box2").because("a3").ends("a1").where().ends("a2").where(),
			"a1@box2, a2@box3, box3 offers render.clip; it runs 1 task already, a3@box3"},
		{"forgotten, and back", newAgents("box2 1").clips("a", 2).where().forget("box2").because("a2").agent("box2 1", "").where().ends("a1").where(),
			"a1@box2, no agent offers render.clip, a2@box2"},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.rule, got, c.want)
		}
	}
}

// TestKeepsNoDeviceForWhoNeedsNone: a task that waits for an agent is not passed over by those that get devices.
func TestKeepsNoDeviceForWhoNeedsNone(t *testing.T) {
	t.Parallel()
	b := newTable(placement.Policy{}, 24)
	b.SetAgent(placement.Agent{ID: "box", Name: "box", Tasks: 1})
	b.clips("a", 2).where()
	for k := range 2 * placement.MaxBypassed {
		b.clear().place(fmt.Sprint("d", k), 24, priority(-1)).ends(fmt.Sprint("d", k))
	}
	if got := strings.Join(b.clear().because("a2").ends("a1").decide().said, ", "); got != "box offers render.clip; it runs 1 task already, a2@" {
		t.Error(got)
	}
}

func (t *table) discard() *table { t.Decide(t.now, nil); return t }

func (t *table) dies(id string) *table { t.Ended(id, false, t.now); return t }

func (t *table) refuses(id string) *table { t.Refused(id, "full", t.now); return t }

func (t *table) forget(agent string) *table { t.Forget(agent); return t }

// adopt tells of a task of the plugin p that runs on devices.
func (t *table) adopt(id, agent string, memory int64, devices ...string) *table {
	task := placement.Task{ID: id, Owner: "ada", Type: "p.do", Plugin: "p", Model: "m", Request: device.Request{Count: len(devices), Memory: memory * giga}, Lasts: 10 * time.Second, Since: t.now}
	t.Adopt(task, placement.Given{Agent: agent, Devices: devices, Memory: memory * giga}, t.now)
	return t
}

// box makes "box" known with a device of 24 GiB.
func (t *table) box() *table {
	t.SetAgent(placement.Agent{ID: "box", Name: "box"})
	t.Observe("box", []device.Device{{UUID: "GPU-0", Kind: device.Static, Memory: 24 * giga}}, -1, -1)
	return t
}

// TestAdopt: what runs already is counted, before or after its agent is known, and not decided.
func TestAdopt(t *testing.T) {
	t.Parallel()
	quota := placement.Policy{Quotas: map[string]placement.Quota{"*": {Devices: 1}}}
	bob := owner("bob")
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"takes what it has", newTable(placement.Policy{}, 24).adopt("x", "box", 20, "GPU-0").place("a", 8).hears("GPU-0 has 4 GiB free, the rest is held by x", "a").ends("x").decide(), "a@GPU-0 -m"},
		{"its agent comes later", newAgents().adopt("x", "box", 20, "GPU-0").place("a", 8).box().decide().hears("GPU-0 has 4 GiB free", "a").ends("x").decide(), "a@GPU-0 -m"},
		{"it ends before its agent comes", newAgents().adopt("x", "box", 20, "GPU-0").ends("x").box().place("a", 24), "a@GPU-0"},
		{"more than there is", newTable(placement.Policy{}, 24).place("a", 20).adopt("x", "box", 20, "GPU-0").place("b", 2).ends("a").decide().ends("x").decide(), "a@GPU-0, b@GPU-0 -m"},
		{"counts for its user's quota", newTable(quota, 24, 24).adopt("x", "box", 4, "GPU-0").place("a", 4).place("b", 4, bob).hears("a quota of 1 device", "a").ends("x").decide(), "b@GPU-0, a@GPU-0"},
		{"counts for its user's turn", newTable(placement.Policy{}, 24).adopt("x", "box", 24, "GPU-0").add("a", 20).add("b", 20, bob).ends("x").decide(), "b@GPU-0 -m"},
		{"its model is loaded", newTable(placement.Policy{}, 24, 24).adopt("x", "box", 20, "GPU-1").ends("x").place("a", 20, model("m")), "a@GPU-1 warm"},
		{"one that waits", newTable(placement.Policy{}, 24).place("y", 24).add("x", 4).adopt("x", "box", 4, "GPU-0").decide().ends("y", "x").place("a", 2), "y@GPU-0, a@GPU-0 -m"},
		{"twice", newTable(placement.Policy{}, 24).adopt("x", "box", 4, "GPU-0").adopt("x", "box", 8, "GPU-0").place("a", 20).ends("x").decide(), "a@GPU-0"},
		{"an exclusive one beside another", newTable(placement.Policy{}, 24).place("a", 4).adoptAlone("x").place("b", 4).hears("is used by x", "b").ends("x").decide(), "a@GPU-0, b@GPU-0"},
		{"without devices", newAgents("box2 1").adopt("x", "box2", 0).clips("a", 1).where().ends("x").where(), "a1@box2"},
		{"gives way", newTable(placement.Policy{Preempt: 1}, 24).adopt("x", "box", 20, "GPU-0").place("a", 20, priority(1)), "x yields"},
		{"forgotten with its agent", newTable(placement.Policy{}, 24).adopt("x", "box", 20, "GPU-0").forget("box").box().place("a", 8).hears("GPU-0 has 4 GiB free", "a").ends("x").decide(), "a@GPU-0 -m"},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.rule, got, c.want)
		}
		if err := c.got.Audit(); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func (t *table) adoptAlone(id string) *table {
	t.Adopt(placement.Task{ID: id, Owner: "ada", Type: "p.do", Plugin: "q", Request: device.Request{Count: 1, Memory: giga, Exclusive: true}},
		placement.Given{Agent: "box", Devices: []string{"GPU-0"}}, t.now)
	return t
}

// TestOffline: an agent that is known counts although it is offline, and one that was forgotten does not.
func TestOffline(t *testing.T) {
	t.Parallel()
	b := newTable(placement.Policy{}, 24).place("a", 20)
	b.SetAgent(placement.Agent{ID: "box", Name: "box", Away: "offline"})
	b.add("b", 20).decide()
	task := &placement.Task{Type: "p.do", Owner: "ada", Request: device.Request{Count: 1, Memory: 20 * giga}}
	if why := b.Never(task); why != "" {
		t.Error(why)
	}
	if r := b.Why("b", b.now); r.Never || r.Text != "every device that could serve it is out of use: GPU-0 is not to be had: box is offline" {
		t.Errorf("%+v", r)
	}
	if waits, runs := b.Len(); waits != 1 || runs != 1 {
		t.Errorf("%d wait, %d run", waits, runs)
	}
	b.Forget("box")
	if r := b.Why("b", b.now); !r.Never || r.Text != "needs 1 device, and there is none" {
		t.Errorf("%+v", r)
	}
	if b.Forget("box") || !b.Ended("a", true, b.now) {
		t.Error("what runs on an agent that was forgotten is known until it ends")
	}
	if waits, runs := b.Len(); waits != 1 || runs != 0 {
		t.Errorf("%d wait, %d run", waits, runs)
	}
}
