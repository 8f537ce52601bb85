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

// table is a book with a clock, for one rule at a time.
type table struct {
	*book.Book
	now  time.Time
	said []string
}

const giga = int64(1) << 30

// newTable makes a book with one agent "box" of devices GPU-0, GPU-1 … with so many GiB each.
func newTable(p placement.Policy, sizes ...int64) *table {
	t := &table{Book: book.New(p), now: time.Unix(1_700_000_000, 0)}
	t.SetAgent(placement.Agent{ID: "box", Name: "box"})
	var devices []device.Device
	for k, size := range sizes {
		devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Kind: device.Static, Name: []string{"Small", "Large"}[k%2], Compute: fmt.Sprintf("%d.0", 7+k), Memory: size * giga})
	}
	t.Observe("box", devices, 64*giga, -1)
	return t
}

// twins makes a book with one agent "box" of that many devices that are alike.
func twins(n int) *table {
	t := newTable(placement.Policy{})
	var devices []device.Device
	for k := range n {
		devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Kind: device.Static, Name: "Twin", Memory: 24 * giga})
	}
	t.Observe("box", devices, -1, -1)
	return t
}

type change func(*placement.Task)

func model(name string) change    { return func(t *placement.Task) { t.Model = name } }
func owner(name string) change    { return func(t *placement.Task) { t.Owner = name } }
func priority(n int) change       { return func(t *placement.Task) { t.Priority = n } }
func evictable(t *placement.Task) { t.Evictable = true }
func ask(do func(*device.Request)) change {
	return func(t *placement.Task) { do(&t.Request) }
}

func (t *table) add(id string, memory int64, changes ...change) *table {
	task := placement.Task{ID: id, Owner: "ada", Type: "p.do", Plugin: "p", Request: device.Request{Count: 1, Memory: memory * giga}, Lasts: 10 * time.Second, Loads: 20 * time.Second, Since: t.now}
	for _, c := range changes {
		c(&task)
	}
	t.Add(task, t.now)
	return t
}

// decide adds who is placed where to what was said.
func (t *table) decide() *table {
	for _, a := range t.Decide(t.now, nil) {
		text := a.Task.ID + "@" + strings.Join(a.Devices, "+")
		if a.Warm {
			text += " warm"
		}
		for _, id := range a.Unload {
			text += " -" + id[strings.Index(id, "#")+1:]
		}
		t.said = append(t.said, text)
	}
	for _, id := range t.Yields() {
		t.said = append(t.said, id+" yields")
	}
	return t
}

func (t *table) place(id string, memory int64, changes ...change) *table {
	return t.add(id, memory, changes...).decide()
}

func (t *table) ends(ids ...string) *table {
	for _, id := range ids {
		t.now = t.now.Add(time.Second)
		t.Ended(id, true, t.now)
	}
	return t
}

func (t *table) after(d time.Duration) *table { t.now = t.now.Add(d); return t }

func (t *table) clear() *table { t.said = nil; return t }

func (t *table) hears(why string, id string) *table {
	if r := t.Why(id, t.now); !strings.Contains(r.Text, why) {
		t.said = append(t.said, fmt.Sprintf("%s waits because %q, not %q", id, r.Text, why))
	}
	return t
}

// addMany adds tasks each of a line of its own.
func (t *table) addMany(n int, memory int64) *table {
	for k := range n {
		t.add(fmt.Sprint("many", k), memory, model(fmt.Sprint("many", k)))
	}
	return t
}

// TestRules: each rule of the order and of the choice of devices by itself.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		got  *table
		want string
	}{
		{"the smallest that suffices", newTable(placement.Policy{}, 24, 48, 24).place("a", 20).place("b", 30).place("c", 22), "a@GPU-0, b@GPU-1, c@GPU-2"},
		{"where its model is loaded and idle, though another is smaller",
			newTable(placement.Policy{}, 48, 24).place("x", 24, model("other")).place("a", 20, model("m")).ends("a", "x").clear().place("b", 20, model("m")).place("c", 2, model("m")),
			"b@GPU-0 warm, c@GPU-0 warm"},
		{"the free one rather than to unload",
			newTable(placement.Policy{}, 24, 24).place("a", 20, model("m")).ends("a").clear().place("b", 20, model("n")), "b@GPU-1"},
		{"where its model is busy, when waiting is shorter than loading",
			newTable(placement.Policy{}, 24, 24).place("a", 20, model("m")).place("x", 20, model("n")).ends("x").clear().after(20*time.Second).place("b", 20, model("m")).hears("has m loaded and is free in about", "b").ends("a").decide(),
			"b@GPU-0 warm"},
		{"a cold load, when that is shorter than waiting",
			newTable(placement.Policy{}, 24, 24).place("a", 20, model("m"), func(t *placement.Task) { t.Lasts = time.Hour }).place("x", 20, model("n")).ends("x").clear().place("b", 20, model("m")),
			"b@GPU-1 -n"},
		{"unloads what was used longest ago",
			newTable(placement.Policy{}, 48).place("a", 16, model("old")).place("b", 16, model("new")).place("c", 16, model("newest")).ends("a", "b", "c").clear().place("d", 16, model("d")),
			"d@GPU-0 -old"},
		{"higher priority first", newTable(placement.Policy{}, 24).place("x", 24).clear().add("low", 24, priority(-1)).add("mid", 24).add("high", 24, priority(2)).ends("x").decide().ends("high").decide().ends("mid").decide(),
			"high@GPU-0, mid@GPU-0, low@GPU-0"},
		{"who is not served rises", newTable(placement.Policy{Ageing: time.Minute}, 24).add("low", 24, owner("bob")).after(90*time.Second).add("high", 24, priority(1), owner("bob2")).after(31 * time.Second).decide(), "low@GPU-0"},
		{"the user who was given least", newTable(placement.Policy{}, 24).place("a1", 24).add("a2", 24).add("b1", 24, owner("bob")).clear().after(9 * time.Second).ends("a1").decide().after(9 * time.Second).ends("b1").decide(),
			"b1@GPU-0, a2@GPU-0"},
		{"who came first", newTable(placement.Policy{}, 24).place("x", 24).clear().add("1", 24).add("2", 24).ends("x").decide().ends("1").decide(), "1@GPU-0, 2@GPU-0"},
		{"looks ahead for what is loaded", newTable(placement.Policy{}, 24).place("x", 24, model("m")).clear().add("first", 24, model("n")).add("second", 24, model("m")).ends("x").decide(), "second@GPU-0 warm"},
		{"looks ahead past those for whom nothing is free", newTable(placement.Policy{}, 24, 48).place("x", 24, model("m")).place("y", 48).addMany(40, 48).clear().add("first", 24, model("n")).add("second", 24, model("m")).ends("x").decide(), "second@GPU-0 warm"},
		{"first come is strict when told", newTable(placement.Policy{Order: placement.FirstCome}, 24).place("x", 20).clear().add("big", 24).add("small", 4).decide(), ""},
		{"evictable last, and gives way", newTable(placement.Policy{}, 24).place("e", 24, evictable).place("a", 20), "e@GPU-0, e yields"},
		{"nobody else gives way", newTable(placement.Policy{}, 24).place("e", 24).place("a", 20, priority(1000)), "e@GPU-0"},
		{"a much lower priority gives way when told", newTable(placement.Policy{Preempt: 100}, 24).place("e", 24).place("a", 20, priority(100)), "e@GPU-0, e yields"},
		{"a quota", newTable(placement.Policy{Quotas: map[string]placement.Quota{"*": {Devices: 1}}}, 24, 24).place("a", 4).place("b", 4).hears("a quota of 1 device", "b").place("c", 4, owner("bob")).ends("a").decide(),
			"a@GPU-0, c@GPU-0, b@GPU-0"},
		{"traits", newTable(placement.Policy{}, 24, 24).place("a", 4, ask(func(r *device.Request) { r.AtLeast = map[string]string{"compute": "8.0"} })), "a@GPU-1"},
		{"only, prefer, forbid", newTable(placement.Policy{}, 24, 48, 24).place("a", 4, ask(func(r *device.Request) { r.Only = []string{"large"} })).
			place("b", 4, ask(func(r *device.Request) { r.Prefer = []string{"GPU-2"} })).place("c", 20, ask(func(r *device.Request) { r.Forbid = []string{"small"} })), "a@GPU-1, b@GPU-2, c@GPU-1"},
		{"only, of two that are alike", twins(3).place("a", 4, ask(func(r *device.Request) { r.Only = []string{"GPU-1"} })).
			place("b", 22, ask(func(r *device.Request) { r.Forbid = []string{"GPU-0"} })), "a@GPU-1, b@GPU-2"},
		{"exclusive", newTable(placement.Policy{}, 24, 24).place("a", 4, ask(func(r *device.Request) { r.Exclusive = true })).place("b", 4).place("c", 4, ask(func(r *device.Request) { r.Exclusive = true })).hears("is used by", "c"),
			"a@GPU-0, b@GPU-1"},
		{"several, all or none", newTable(placement.Policy{}, 24, 24, 24).place("a", 20, ask(func(r *device.Request) { r.Count = 2 })).place("b", 20, ask(func(r *device.Request) { r.Count = 2 })).hears("needs 2 devices of one agent at once", "b").ends("a").decide(),
			"a@GPU-0+GPU-1, b@GPU-2+GPU-0 -"},
		{"RAM", newTable(placement.Policy{}, 24).place("a", 4, ask(func(r *device.Request) { r.RAM = 60 * giga })).place("b", 4, ask(func(r *device.Request) { r.RAM = 5 * giga })).hears("needs 5 GiB of RAM, and 4 GiB of 64 GiB are free", "b").ends("a").decide(),
			"a@GPU-0, b@GPU-0"},
		{"one process takes so many", newTable(placement.Policy{}, 24).place("a", 4, func(t *placement.Task) { t.Concurrency = 1 }).place("b", 4, func(t *placement.Task) { t.Concurrency = 1 }).hears("p on GPU-0 takes 1 task at once", "b").ends("a").decide(),
			"a@GPU-0, b@GPU-0"},
	} {
		if got := strings.Join(c.got.said, ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

// TestNever: what no device could ever serve is known at once, and why.
func TestNever(t *testing.T) {
	t.Parallel()
	b := newTable(placement.Policy{Quotas: map[string]placement.Quota{"bob": {Devices: 1}}, Reserve: giga}, 24, 48)
	for want, r := range map[string]device.Request{
		"GPU-0 has 24 GiB in all, not 60 GiB":  {Count: 1, Memory: 60 * giga},
		"has 47 GiB for tasks, not 48 GiB":     {Count: 1, Memory: 48 * giga},
		"box has 1 device that would do":       {Count: 2, Memory: 30 * giga},
		"GPU-1 has compute 8.0, not 9.0":       {Count: 1, AtLeast: map[string]string{"compute": "9.0"}},
		"box has 64 GiB of RAM in all, not 65": {Count: 1, RAM: 65 * giga},
		"carry it out: box has 64 GiB of RAM":  {RAM: 65 * giga},
		"":                                     {Count: 2, Memory: 20 * giga},
	} {
		if why := b.Never(&placement.Task{Type: "p.do", Owner: "ada", Request: r}); !strings.Contains(why, want) || (why == "") != (want == "") {
			t.Errorf("%+v: %q, want %q", r, why, want)
		}
	}
	if why := b.Never(&placement.Task{Type: "p.do", Owner: "bob", Request: device.Request{Count: 2, Memory: giga}}); !strings.Contains(why, "bob may have 1 device at once") {
		t.Error(why)
	}
}

// TestWaitingAfterAnotherHasGone: of a priority whose tasks were all taken out, none is listed.
func TestWaitingAfterAnotherHasGone(t *testing.T) {
	t.Parallel()
	b := newTable(placement.Policy{}, 8).add("runs", 8).decide().add("first", 8, priority(2)).add("gone", 8, priority(1)).add("last", 8).decide()
	b.Remove("gone")
	if got := b.Waiting(); strings.Join(got, " ") != "first last" {
		t.Errorf("%s wait", got)
	}
}
