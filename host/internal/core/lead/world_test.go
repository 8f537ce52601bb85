package lead

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// The times of the store, and how long a message of the world may take.
const (
	storeBeat = 2 * time.Second
	leadFor   = 10 * time.Second
	silent    = 10 * time.Second
	step      = 100 * time.Millisecond
	slowest   = 3 * time.Second
	gib       = int64(1) << 30
	room      = 24 * gib
)

// world is hosts that share a store and agents, and lose, repeat and delay what they say to each other.
type world struct {
	rand   *rand.Rand
	now    time.Time
	wild   bool // things go wrong
	hosts  []*host
	mail   []letter
	tasks  map[string]*job
	made   int
	done   int
	leader string
	epoch  int64
	until  time.Time
	broken []string
}

// job is an attempt as it is in truth.
type job struct {
	placement.Task
	host    string    // that the store says has its run
	agent   string    // empty: it waits
	devices []string  // it runs there
	ends    time.Time // it is done then
}

// host is one host. Frozen it does nothing, and what it is told waits.
type host struct {
	id            string
	owner         *Owner
	leader        *Leader
	session       int64
	beaten        time.Time
	frozen        time.Time      // until then
	later         map[string]int // attempts that it finds in so many steps: it has begun anew, or adopted them
	knows         map[string]bool
	beats, speaks time.Time
}

type letter struct {
	at     time.Time
	to     string
	ask    *Ask
	answer *Answer
}

func newWorld(seed uint64, hosts int) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), tasks: map[string]*job{}, wild: true}
	for k := range hosts {
		h := &host{id: fmt.Sprintf("host%d", k)}
		w.hosts = append(w.hosts, h)
		w.start(h)
	}
	return w
}

// start begins a process of a host, which finds after a while what it has.
func (w *world) start(h *host) {
	h.session++
	h.owner, h.leader, h.later, h.knows = NewOwner(h.id, h.session), NewLeader(h.id, placement.Policy{}), map[string]int{}, map[string]bool{}
	if w.leader == h.id {
		w.until = time.Time{} // the lead is of a process
	}
	for k := range 2 {
		h.leader.Agent(w.agent(k), w.now)
	}
	for _, id := range slices.Sorted(maps.Keys(w.tasks)) {
		if w.tasks[id].host == h.id {
			h.later[id] = w.rand.IntN(30)
		}
	}
}

func (w *world) agent(k int) Agent {
	a := Agent{Agent: placement.Agent{ID: fmt.Sprintf("agent%d", k)}, RAM: -1, Disk: -1}
	for d := range 2 {
		a.Devices = append(a.Devices, device.Device{UUID: fmt.Sprintf("GPU-%d%d", k, d), Kind: "cuda", Memory: room})
	}
	return a
}

func (w *world) running() Running {
	out := Running{}
	for id, j := range w.tasks {
		if j.agent != "" {
			if out[j.agent] == nil {
				out[j.agent] = map[string][]string{}
			}
			out[j.agent][j.host] = append(out[j.agent][j.host], id)
		}
	}
	return out
}

// send sends something: it may be lost, come late, or twice.
func (w *world) send(l letter) {
	times := 1
	if w.wild {
		times = []int{0, 1, 1, 1, 1, 2}[w.rand.IntN(6)]
	}
	for range times {
		l.at = w.now
		if w.wild {
			l.at = w.now.Add(time.Duration(w.rand.Int64N(int64(slowest))))
		}
		w.mail = append(w.mail, l)
	}
}

func (w *world) host(id string) *host {
	return w.hosts[slices.IndexFunc(w.hosts, func(h *host) bool { return h.id == id })]
}

// step is a step of time.
func (w *world) step() {
	w.now = w.now.Add(step)
	if w.wild {
		w.harm()
	}
	for _, h := range w.hosts {
		if !w.now.Before(h.frozen) {
			w.live(h)
		}
	}
	w.check()
}

func (w *world) harm() {
	h := w.hosts[w.rand.IntN(len(w.hosts))]
	switch n := w.rand.IntN(1000); {
	case n < 4:
		h.frozen = w.now.Add(time.Duration(w.rand.Int64N(int64(40 * time.Second))))
	case n < 7:
		w.start(h)
	case n < 9 && w.leader != "":
		w.host(w.leader).frozen = w.now.Add(time.Duration(w.rand.Int64N(int64(40 * time.Second))))
	}
}

// live is what a host does in a step.
func (w *world) live(h *host) {
	if w.now.Sub(h.beats) >= storeBeat {
		w.share(h)
	}
	var left []letter
	for _, l := range w.mail {
		switch {
		case l.to != h.id || l.at.After(w.now):
			left = append(left, l)
		case l.ask != nil:
			h.leader.Hear(*l.ask, w.now)
		default:
			h.owner.Hear(*l.answer)
		}
	}
	w.mail = left
	w.work(h)
	w.speak(h)
}

// work is what the runs of a host do.
func (w *world) work(h *host) {
	if w.wild && w.rand.IntN(12) == 0 {
		w.made++
		id := fmt.Sprintf("run%d/n/1", w.made)
		w.tasks[id] = &job{host: h.id, Task: placement.Task{ID: id, Owner: h.id, Type: "t", Plugin: "p", Since: w.now, Request: device.Request{Count: 1, Memory: []int64{10, 16}[w.rand.IntN(2)] * gib}}}
		h.want(w.tasks[id])
	}
	for _, id := range slices.Sorted(maps.Keys(h.later)) {
		if h.later[id]--; h.later[id] > 0 {
			continue
		}
		delete(h.later, id)
		switch j := w.tasks[id]; {
		case j == nil || j.host != h.id:
		case j.agent == "":
			h.want(j)
		default:
			h.knows[id] = true
			h.owner.Hold(j.Task, placement.Given{Agent: j.agent, Devices: j.devices, Memory: j.Request.Memory})
		}
	}
	given, _ := h.owner.Take()
	for _, a := range given {
		j := w.tasks[a.Task.ID]
		if j == nil || j.host != h.id { // the store refuses it
			h.owner.Done(Done{ID: a.Task.ID, Left: true})
			continue
		}
		if j.agent != "" {
			w.broken = append(w.broken, fmt.Sprintf("%s: %s runs on %s and is placed on %s", w.now, j.ID, j.agent, a.Agent))
		}
		if a.Epoch == 0 {
			w.broken = append(w.broken, j.ID+" was placed at no epoch")
		}
		j.agent, j.devices, j.ends = a.Agent, a.Devices, w.now.Add(time.Duration(w.rand.Int64N(int64(10*time.Second))))
	}
	for _, id := range slices.Sorted(maps.Keys(h.knows)) {
		switch j := w.tasks[id]; {
		case j == nil || j.host != h.id:
			delete(h.knows, id)
		case j.agent != "" && !j.ends.After(w.now) || w.wild && j.agent == "" && w.rand.IntN(400) == 0: // it has ended, or is cancelled
			delete(h.knows, id)
			delete(w.tasks, id)
			h.owner.Done(Done{ID: id})
			w.done++
		case w.wild && j.agent == "" && w.rand.IntN(200) == 0: // it waits no more, and then again
			h.owner.Done(Done{ID: id})
			h.owner.Want(j.Task)
		}
	}
}

func (h *host) want(j *job) {
	h.knows[j.ID] = true
	h.owner.Want(j.Task)
}

// speak has a host say what it has to.
func (w *world) speak(h *host) {
	tick := w.now.Sub(h.speaks) >= time.Second
	if tick {
		h.speaks = w.now
		h.leader.Runs(w.running(), w.now)
	}
	if ask, something := h.owner.Ask(); something || tick {
		if leader, _ := h.owner.Leader(); leader != "" {
			w.send(letter{to: leader, ask: &ask})
		}
	}
	for _, to := range h.leader.Act(tick, w.now) {
		w.send(letter{to: to.Host, answer: &to.Answer})
	}
}

// share is what a host asks and tells the store.
func (w *world) share(h *host) {
	h.beats, h.beaten = w.now, w.now
	for _, id := range slices.Sorted(maps.Keys(h.knows)) { // what others have taken meanwhile
		if j := w.tasks[id]; j == nil || j.host != h.id {
			delete(h.knows, id)
			h.owner.Done(Done{ID: id, Left: true})
		}
	}
	if w.leader != h.id && !w.until.After(w.now) || w.leader == h.id && w.until.IsZero() {
		w.leader, w.epoch = h.id, w.epoch+1
	}
	term := Term{Epoch: w.epoch}
	for _, other := range w.hosts {
		if w.now.Sub(other.beaten) < silent {
			term.Living = append(term.Living, other.id)
		} else {
			term.Dead = append(term.Dead, other.id)
		}
	}
	if w.leader == h.id {
		w.until = w.now.Add(leadFor)
		term.Until = w.until
	}
	h.leader.Lead(term, w.now)
	h.owner.Follow(w.leader, w.epoch)
	for _, id := range slices.Sorted(maps.Keys(w.tasks)) {
		if j := w.tasks[id]; slices.Contains(term.Dead, j.host) {
			j.host = h.id
			h.later[id] = w.rand.IntN(30)
		}
	}
}

// check looks whether a device has more than it has room for.
func (w *world) check() {
	used := map[string]int64{}
	for _, j := range w.tasks {
		for _, d := range j.devices {
			used[d] += j.Request.Memory
		}
	}
	for d, n := range used {
		if n > room {
			w.broken = append(w.broken, fmt.Sprintf("%s: %s has %d GiB of tasks", w.now, d, n/gib))
		}
	}
}
