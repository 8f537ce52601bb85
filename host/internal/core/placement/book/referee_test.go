package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

const gib = 1 << 30

// box is an agent as the referee knows it.
type box struct {
	placement.Agent
	devices   []device.Device
	out       bool            // it was forgotten
	gone      map[string]bool // devices that have vanished
	held      map[string]bool
	ram, disk int64
}

func (x *box) device(uuid string) *device.Device {
	for k := range x.devices {
		if x.devices[k].UUID == uuid {
			return &x.devices[k]
		}
	}
	return nil
}

// referee plays a string of operations on a book and keeps its own account of what is allowed.
type referee struct {
	t       *testing.T
	name    string // of the scenario
	policy  placement.Policy
	book    *book.Book
	now     time.Time
	ops     []byte
	boxes   []*box
	waiting map[string]placement.Task
	running map[string]placement.Assignment
	warm    map[string]int64           // what is kept warm, by agent and ID: bytes of each device
	cold    map[string]bool            // running tasks whose model was not loaded
	adopted map[string]bool            // that the book did not place
	refused map[string]bool            // node types, by agent and name
	ran     map[string]bool            // processes that have run a task and go on, by agent and name
	avoids  map[string]map[string]bool // agents that refused a task and were not heard of since
	plugins map[string]bool            // held
	said    []string                   // every assignment, for comparing
	made    int
	placed  int
}

func newReferee(t *testing.T, p placement.Policy, ops []byte) *referee {
	t.Helper()
	f := &referee{t: t, policy: p, book: book.New(p), now: epoch, ops: ops, waiting: map[string]placement.Task{}, running: map[string]placement.Assignment{},
		warm: map[string]int64{}, cold: map[string]bool{}, adopted: map[string]bool{}, ran: map[string]bool{}, refused: map[string]bool{}, avoids: map[string]map[string]bool{}, plugins: map[string]bool{}}
	f.join(nil)
	f.join(nil)
	f.join([]string{"big.do", "small.do"})
	return f
}

func (f *referee) next() int {
	if len(f.ops) == 0 {
		return 0
	}
	b := f.ops[0]
	f.ops = f.ops[1:]
	return int(b)
}

// sizes are what the devices of each agent have, in GiB.
var sizes = [][]int64{{24, 48}, {24, 48, 24}, {24}, {24, 48}, {24, 48}}

// join adds an agent.
func (f *referee) join(offers []string) {
	id := fmt.Sprintf("box%d", len(f.boxes))
	x := &box{Agent: placement.Agent{ID: id, Name: id, Offers: offers, Tasks: 2 + len(f.boxes)%3}, gone: map[string]bool{}, held: map[string]bool{}, ram: 64 * gib, disk: -1}
	for k, size := range sizes[len(f.boxes)] {
		x.devices = append(x.devices, device.Device{UUID: fmt.Sprintf("GPU-%s-%d", id, k), Kind: device.Fake, Name: "Fake", Compute: "8.9", Memory: size * gib})
	}
	f.boxes = append(f.boxes, x)
	f.book.SetAgent(x.Agent)
	f.observe(x)
}

func (f *referee) observe(x *box) {
	var seen []device.Device
	for _, d := range x.devices {
		if !x.gone[d.UUID] {
			seen = append(seen, d)
		}
	}
	f.book.Observe(x.ID, seen, x.ram, x.disk)
	f.heard(x)
}

// heard notes that there is news of an agent.
func (f *referee) heard(x *box) {
	for _, avoids := range f.avoids {
		delete(avoids, x.ID)
	}
	for k := range f.refused {
		if strings.HasPrefix(k, x.ID+"/") {
			delete(f.refused, k)
		}
	}
}

// kinds are the tasks that come; every plugin has one number of tasks at once.
var kinds = []placement.Task{
	{Plugin: "small", Model: "s1", Concurrency: 4, Request: device.Request{Count: 1, Memory: 5 * gib}},
	{Plugin: "small", Model: "s2", Concurrency: 4, Request: device.Request{Count: 1, Memory: 8 * gib}},
	{Plugin: "small", Model: "s1", Concurrency: 4, Request: device.Request{Count: 1, Memory: 7 * gib, RAM: 20 * gib}},
	{Plugin: "mid", Model: "m1", Concurrency: 1, Request: device.Request{Count: 1, Memory: 12 * gib}},
	{Plugin: "mid", Model: "m2", Concurrency: 1, Request: device.Request{Count: 1, Memory: 20 * gib}},
	{Plugin: "mid", Concurrency: 1, Request: device.Request{Count: 1, Memory: 9 * gib}},
	{Plugin: "big", Model: "b1", Request: device.Request{Count: 1, Memory: 40 * gib}},
	{Plugin: "big", Model: "b2", Request: device.Request{Count: 2, Memory: 18 * gib}},
	{Plugin: "big", Model: "b3", Request: device.Request{Count: 1, Memory: 16 * gib, Exclusive: true}},
	{Plugin: "big", Model: "b4", Request: device.Request{Count: 1, Memory: 10 * gib, Only: []string{"GPU-box1-1", "GPU-box0-0"}}},
	{Plugin: "small", Model: "s3", Concurrency: 4, Request: device.Request{Count: 1, Memory: 6 * gib, Prefer: []string{"GPU-box1-2"}, Forbid: []string{"GPU-box0-1"}}},
	{Plugin: "small", Model: "s2", Concurrency: 4, Evictable: true, Request: device.Request{Count: 1, Memory: 8 * gib}},
	{Plugin: "mid", Model: "m3", Concurrency: 1, Evictable: true, Request: device.Request{Count: 1, Memory: 22 * gib}},
	{Plugin: "none", Type: "small.do", Request: device.Request{RAM: 30 * gib}},
	{Plugin: "big", Model: "b5", Request: device.Request{Count: 1, Memory: 21 * gib, AtLeast: map[string]string{"memory": "40GiB"}}},
	{Plugin: "big", Model: "b6", Request: device.Request{Count: 3, Memory: 20 * gib, Exclusive: true}},
	{Plugin: "clip", Type: "small.do", Model: "c1", Concurrency: 1},
	{Plugin: "clip", Type: "clip.do", Concurrency: 1},
	{Plugin: "voice"},
}

func (f *referee) task() placement.Task {
	how := f.next()
	t := kinds[how%len(kinds)]
	f.made++
	t.ID, t.Owner, t.Priority = fmt.Sprintf("t%d", f.made), fmt.Sprintf("user%d", how>>4%3), how>>6%3
	t.Lasts, t.Since = time.Duration(how%7)*10*time.Second, f.now
	if t.Type == "" {
		t.Type = t.Plugin + ".do"
	}
	return t
}

func (f *referee) add() {
	t := f.task()
	f.waiting[t.ID] = t
	f.book.Add(t, f.now)
	f.book.Add(t, f.now) // known already
}

// adopt tells of a task that runs already: on an agent that is there, was forgotten, or comes later; whatever is free there.
func (f *referee) adopt(on int) {
	t := f.task()
	a := placement.Assignment{Task: t, Agent: fmt.Sprintf("box%d", on%5)}
	for k := range t.Request.Count {
		if k == len(sizes[on%5]) || t.Request.Memory > sizes[on%5][k]*gib {
			return
		}
		a.Devices = append(a.Devices, fmt.Sprintf("GPU-%s-%d", a.Agent, k))
	}
	if t.Request.RAM > 0 {
		return
	}
	f.running[t.ID], f.adopted[t.ID] = a, true
	f.book.Adopt(t, placement.Given{Agent: a.Agent, Devices: a.Devices}, f.now)
	f.book.Adopt(t, placement.Given{Agent: a.Agent}, f.now) // known already
	f.book.Add(t, f.now)
}

// here gives the agents that the book knows.
func (f *referee) here() (out []*box) {
	for _, x := range f.boxes {
		if !x.out {
			out = append(out, x)
		}
	}
	return out
}

func (f *referee) box() *box { return f.here()[f.next()%len(f.here())] }

// forget has an agent forgotten, or come back as new.
func (f *referee) forget() {
	x := f.boxes[f.next()%len(f.boxes)]
	switch {
	case x.out:
		f.back(x)
	case len(f.here()) > 1:
		x.out = true
		if !f.book.Forget(x.ID) || f.book.Forget(x.ID) {
			f.t.Fatalf("%s is not forgotten once", x.ID)
		}
		for k := range f.warm {
			if strings.HasPrefix(k, x.ID+"/") {
				delete(f.warm, k)
			}
		}
		for k := range f.ran {
			if strings.HasPrefix(k, x.ID+"/") {
				delete(f.ran, k)
			}
		}
	}
}

func (f *referee) back(x *box) {
	x.out, x.Away, x.gone, x.held = false, "", map[string]bool{}, map[string]bool{}
	f.book.SetAgent(x.Agent)
	f.observe(x)
}

// play carries out the operations, and looks at everything after each.
func (f *referee) play() {
	for len(f.ops) > 0 {
		f.one(f.next())
		f.decide()
	}
}

func (f *referee) one(op int) {
	switch op % 16 {
	case 0, 1, 2, 3, 4:
		f.add()
	case 5, 6, 7, 8:
		f.now = f.now.Add(time.Duration(op>>4) * 4 * time.Second)
		if a, ok := pick(f, f.running); ok {
			f.end(a, op>>4%4 != 0, "end")
		}
	case 9:
		if a, ok := pick(f, f.running); ok && !f.adopted[a.Task.ID] {
			f.end(a, true, "refuse")
		}
	case 10:
		if op>>4%2 == 1 {
			f.adopt(op >> 5)
		} else if t, ok := pick(f, f.waiting); ok {
			delete(f.waiting, t.ID)
			if !f.book.Remove(t.ID) || f.book.Remove(t.ID) {
				f.t.Fatalf("%s is not removed once", t.ID)
			}
		}
	case 11:
		f.device(op >> 4)
	case 12:
		f.hold(op >> 4)
	case 13:
		if op>>4%4 == 3 {
			f.forget()
			return
		}
		x := f.box()
		if op>>4%4 == 2 {
			x.Tasks = 1 + op>>6
		} else {
			x.Away = []string{"", "offline"}[op>>4%2]
		}
		f.book.SetAgent(x.Agent)
	case 14:
		f.now = f.now.Add(time.Duration(f.next()) * time.Second)
		if len(f.boxes) < 5 && op == 14 {
			f.join(nil)
		}
	case 15:
		f.heartbeat(op >> 4)
	}
}

// pick chooses one of a map by the next byte.
func pick[V any](f *referee, m map[string]V) (v V, ok bool) {
	if len(m) == 0 {
		return v, false
	}
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return m[ids[f.next()%len(ids)]], true
}

func key(a placement.Assignment) string {
	return a.Agent + "/" + placement.Process(a.Task.Plugin, a.Devices) + "#" + a.Task.Model
}

// end ends a task, in one of the ways in which one does.
func (f *referee) end(a placement.Assignment, kept bool, how string) {
	id := a.Task.ID
	delete(f.running, id)
	known := false
	switch how {
	case "end":
		known = f.book.Ended(id, kept, f.now)
	case "yield":
		known = f.book.Yielded(id, kept, f.now)
		f.waiting[id] = a.Task
	case "refuse":
		kept = !f.cold[id] // it never got so far as to load it
		known = f.book.Refused(id, "no", f.now)
		f.waiting[id] = a.Task
		if f.avoids[id] == nil {
			f.avoids[id] = map[string]bool{}
		}
		f.avoids[id][a.Agent] = true
		f.refused[a.Agent+"/"+a.Task.Type] = true
	}
	if !known || f.book.Ended(id, true, f.now) {
		f.t.Fatalf("%s of %s is not known once", how, id)
	}
	if !slices.ContainsFunc(f.here(), func(x *box) bool { return x.ID == a.Agent }) {
		return
	}
	k, process := key(a), a.Agent+"/"+placement.Process(a.Task.Plugin, a.Devices)
	alone, last := true, true
	for _, other := range f.running {
		alone = alone && key(other) != k
		last = last && other.Agent+"/"+placement.Process(other.Task.Plugin, other.Devices) != process
	}
	f.ran[process] = kept || !last
	if !alone {
		return
	}
	if kept {
		f.warm[k] = a.Task.Request.Memory
	} else {
		delete(f.warm, k)
	}
}

// device makes a device ill, well, vanish or come back.
func (f *referee) device(how int) {
	x := f.box()
	d := &x.devices[f.next()%len(x.devices)]
	d.Ill, x.gone[d.UUID] = "", false
	switch how % 4 {
	case 0:
		d.Ill = "Xid 79"
	case 1:
		x.gone[d.UUID] = true
	}
	f.observe(x)
}

func (f *referee) hold(how int) {
	why := []string{"", "a person"}[how%2]
	if how%4 < 2 {
		plugin := []string{"small", "mid", "big"}[f.next()%3]
		f.plugins[plugin] = why != ""
		f.book.HoldPlugin(plugin, why)
		return
	}
	x := f.box()
	d := x.devices[f.next()%len(x.devices)]
	x.held[d.UUID] = why != ""
	if !f.book.Hold(d.UUID, why) || f.book.Hold("GPU-nowhere", why) {
		f.t.Fatalf("%s is not held", d.UUID)
	}
}

// heartbeat tells what an agent keeps warm: what was believed, or some of it.
func (f *referee) heartbeat(how int) {
	x := f.box()
	busy := map[string]bool{}
	for _, a := range f.running {
		busy[key(a)] = true
	}
	var all []device.Warm
	n := 0
	for _, k := range sorted(f.warm) {
		agent, id, _ := strings.Cut(k, "/")
		if agent != x.ID {
			continue
		}
		if n++; how%2 == 1 && n%2 == 0 && !busy[k] {
			delete(f.warm, k)
			continue
		}
		process, name, _ := strings.Cut(id, "#")
		plugin, devices, _ := strings.Cut(process, "@")
		w := device.Warm{ID: id, Process: process, Plugin: plugin, Model: name, Memory: f.warm[k], Used: f.now}
		if devices != "" {
			w.Devices = strings.Split(devices, ",")
		}
		all = append(all, w)
		if !busy[k] {
			f.ran[x.ID+"/"+process] = true
		}
	}
	f.book.Warm(x.ID, all, f.now)
	f.heard(x)
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// decide places, and looks at each assignment and at the whole.
func (f *referee) decide() (placed int) {
	out := f.book.Decide(f.now, nil)
	for _, a := range out {
		f.assigned(a)
	}
	if err := f.book.Audit(); err != nil {
		f.t.Fatalf("%s: audit: %v", f.name, err)
	}
	for _, id := range f.book.Yields() {
		a, ok := f.running[id]
		if !ok || !a.Task.Evictable && f.policy.Preempt == 0 {
			f.t.Fatalf("%s is told to give way", id)
		}
		f.end(a, len(id)%2 == 0, "yield")
	}
	if waiting, running := f.book.Len(); waiting != len(f.waiting) || running != len(f.running) {
		f.t.Fatalf("the book has %d waiting and %d running, not %d and %d", waiting, running, len(f.waiting), len(f.running))
	}
	f.placed += len(out)
	return len(out)
}

func (f *referee) assigned(a placement.Assignment) {
	t := a.Task
	f.said = append(f.said, fmt.Sprint(t.ID, a.Agent, a.Devices, a.Warm, a.Unload, a.Bypassed))
	if _, ok := f.waiting[t.ID]; !ok {
		f.t.Fatalf("%s is placed and does not wait", t.ID)
	}
	delete(f.waiting, t.ID)
	at := slices.IndexFunc(f.boxes, func(x *box) bool { return x.ID == a.Agent })
	x := f.boxes[at]
	switch {
	case x.out:
		f.t.Fatalf("%s goes to %s, which was forgotten", t.ID, x.ID)
	case x.Away != "":
		f.t.Fatalf("%s goes to %s, which is away", t.ID, x.ID)
	case x.Offers != nil && !slices.Contains(x.Offers, t.Type):
		f.t.Fatalf("%s goes to %s, which does not offer %s", t.ID, x.ID, t.Type)
	case f.plugins[t.Plugin]:
		f.t.Fatalf("%s is placed though its plugin is held", t.ID)
	case len(a.Devices) != t.Request.Count:
		f.t.Fatalf("%s gets %d devices of %d", t.ID, len(a.Devices), t.Request.Count)
	case f.avoids[t.ID][x.ID]:
		f.t.Fatalf("%s goes to %s again, which refused it", t.ID, x.ID)
	case a.Bypassed > placement.MaxBypassed:
		f.t.Fatalf("%s was passed over %d times", t.ID, a.Bypassed)
	}
	for k, uuid := range a.Devices {
		d := x.device(uuid)
		if d == nil || d.Ill != "" || x.gone[uuid] || x.held[uuid] || slices.Contains(a.Devices[:k], uuid) {
			f.t.Fatalf("%s goes to %s, which is not there, ill, held, or named twice", t.ID, uuid)
		}
		if why := device.Misfit(d, &t.Request); why != "" {
			f.t.Fatalf("%s goes to %s, which %s", t.ID, uuid, why)
		}
	}
	for _, id := range a.Unload {
		if _, ok := f.warm[x.ID+"/"+id]; !ok {
			f.t.Fatalf("%s has %s unloaded, which is not there: %v", t.ID, id, sorted(f.warm))
		}
		delete(f.warm, x.ID+"/"+id)
	}
	if len(a.Devices) == 0 {
		f.deviceless(x, t)
	}
	k := key(a)
	_, warm := f.warm[k]
	for _, other := range f.running {
		warm = warm || key(other) == k
	}
	if a.Warm != (warm && t.Model != "" && len(a.Devices) > 0) {
		f.t.Fatalf("%s: its model is loaded: %t, and it says %t", t.ID, warm, a.Warm)
	}
	f.cold[t.ID] = !warm
	f.running[t.ID] = a
	f.full(x, a)
}

// load is what an agent runs without devices, and what of that is of the plugin.
func (f *referee) load(x *box, plugin string) (tasks, beside int) {
	for _, r := range f.running {
		if r.Agent != x.ID || len(r.Devices) > 0 {
			continue
		}
		if tasks++; r.Task.Plugin == plugin {
			beside++
		}
	}
	return tasks, beside
}

// deviceless says whether another agent should have been given the task: one that is warm and idle, or has less to do.
func (f *referee) deviceless(chosen *box, t placement.Task) {
	rate := func(x *box) (warm bool, load float64, open bool) {
		tasks, beside := f.load(x, t.Plugin)
		open = tasks < x.Tasks && x.Away == "" && (x.Offers == nil || slices.Contains(x.Offers, t.Type)) && (t.Concurrency == 0 || beside < t.Concurrency)
		return beside == 0 && f.ran[x.ID+"/"+placement.Process(t.Plugin, nil)], float64(tasks) / float64(x.Tasks), open
	}
	warm, load, open := rate(chosen)
	if !open {
		f.t.Fatalf("%s goes to %s, which has as many as it takes", t.ID, chosen.ID)
	}
	for _, x := range f.here() {
		w, l, open := rate(x)
		if better := w && !warm || w == warm && l < load; open && better && t.Request.RAM == 0 && !f.avoided(x, t.Type) {
			f.t.Fatalf("%s goes to %s (warm %t, load %g), not %s (warm %t, load %g)", t.ID, chosen.ID, warm, load, x.ID, w, l)
		}
	}
}

// avoided says whether the agent refused a task of the type and was not heard of since.
func (f *referee) avoided(x *box, nodeType string) bool {
	return f.refused[x.ID+"/"+nodeType]
}

// full says whether anything of the agent, or of the user, is given away more than once.
func (f *referee) full(x *box, a placement.Assignment) {
	var ram int64
	beside, devices := 0, 0
	on := map[string][]placement.Assignment{}
	for _, r := range f.running {
		if r.Task.Owner == a.Task.Owner {
			devices += len(r.Devices)
		}
		if r.Agent != x.ID {
			continue
		}
		ram += r.Task.Request.RAM
		if r.Task.Plugin == a.Task.Plugin && slices.Equal(r.Devices, a.Devices) {
			beside++
		}
		for _, d := range r.Devices {
			on[d] = append(on[d], r)
		}
	}
	if ram > x.ram {
		f.t.Fatalf("%s gives away %d GiB of RAM", x.ID, ram/gib)
	}
	if most := a.Task.Concurrency; most > 0 && beside > most {
		f.t.Fatalf("%d tasks of one process of %s at once", beside, a.Task.Plugin)
	}
	q, own := f.policy.Quotas[a.Task.Owner]
	if !own {
		q = f.policy.Quotas["*"]
	}
	if q.Devices > 0 && devices > q.Devices {
		f.t.Fatalf("%s has %d devices of %d", a.Task.Owner, devices, q.Devices)
	}
	for _, d := range a.Devices {
		for _, r := range on[d] {
			if len(on[d]) > 1 && r.Task.Request.Exclusive {
				f.t.Fatalf("%s shares %s with %s", a.Task.ID, d, r.Task.ID)
			}
		}
		if used, all := f.used(x, d, on[d]), x.device(d).Memory-f.policy.Reserve; used > all {
			f.t.Fatalf("%s: %d of %d GiB are given away", d, used/gib, all/gib)
		}
	}
}

// used is the memory of a device that tasks and warm models hold.
func (f *referee) used(x *box, uuid string, on []placement.Assignment) (sum int64) {
	holds := map[string]int64{}
	for _, r := range on {
		holds[key(r)] += r.Task.Request.Memory
	}
	for k, memory := range f.warm {
		if agent, id, _ := strings.Cut(k, "/"); agent == x.ID && slices.Contains(strings.FieldsFunc(id, func(r rune) bool { return r == '@' || r == ',' || r == '#' }), uuid) {
			holds[k] = max(holds[k], memory)
		}
	}
	for _, m := range holds {
		sum += m
	}
	return sum
}

// finish brings everything back into use, lets what runs end, and wants every task that can be placed to be.
func (f *referee) finish() {
	for _, x := range f.boxes {
		if x.out {
			f.back(x)
		}
		x.Away, x.gone = "", map[string]bool{}
		f.book.SetAgent(x.Agent)
		for k := range x.devices {
			x.devices[k].Ill = ""
			x.held[x.devices[k].UUID] = false
			f.book.Hold(x.devices[k].UUID, "")
		}
		f.observe(x)
	}
	for plugin := range f.plugins {
		f.plugins[plugin] = false
		f.book.HoldPlugin(plugin, "")
	}
	for rounds := 0; len(f.waiting)+len(f.running) > 0; rounds++ {
		f.decide()
		f.now = f.now.Add(10 * time.Second)
		if len(f.running) == 0 && f.decide() == 0 && len(f.running) == 0 && rounds > 2 {
			f.t.Fatalf("nothing runs, and these wait: %v", sorted(f.waiting))
		}
		for _, id := range sorted(f.running) {
			if rounds%3 != 0 || len(id)%2 == 0 {
				f.end(f.running[id], rounds%2 == 0, "end")
				f.decide()
				break
			}
		}
	}
}
