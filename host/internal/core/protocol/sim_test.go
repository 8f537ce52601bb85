package protocol

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// world is one host, some agents and a network that loses, repeats, delays and reorders what it carries.
type world struct {
	t     *testing.T
	r     *rand.Rand
	trace []string
	now   time.Duration

	host    *Host
	id      string            // of the host; another one when it was replaced
	dead    []string          // what it was called before
	journal map[string]*entry // what the host has made durable
	order   []string
	pool    map[int]*hostEntry // the host's own stream

	agents  []*box
	asks    []Unknown
	appends []string // ends of attempts that are becoming durable
	flights []func() // messages under way; each may be delivered more than once
	next    int
	calm    bool
}

type entry struct {
	agent   string
	session string // of its agent when it was written
	ended   bool
}

type hostEntry struct {
	result Result
	read   bool
}

// box is an agent's machine: what outlives its process, and the process.
type box struct {
	id      string
	end     *Agent
	spool   map[string]Record
	stream  map[string]Task // entries
	read    map[string]bool // by this process
	working map[string]bool
	cut     bool
	session int
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 7)), journal: map[string]*entry{}, pool: map[int]*hostEntry{}, id: "h"}
	w.host = NewHost(HostConfig{ID: w.id, Beat: 5 * time.Second})
	for k := range 3 {
		b := &box{id: fmt.Sprintf("a%d", k), spool: map[string]Record{}, stream: map[string]Task{}}
		w.agents = append(w.agents, b)
		w.boot(b)
		w.beat(b)
	}
	return w
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%8v ", w.now)+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf(format+"\n%s", append(args, strings.Join(w.trace, "\n"))...)
}

func (w *world) boot(b *box) {
	b.session++
	b.read, b.working = map[string]bool{}, map[string]bool{}
	var noted []Record
	for _, id := range sorted(b.spool) {
		noted = append(noted, b.spool[id])
	}
	b.end = NewAgent(b.id, fmt.Sprint(b.session), noted)
	w.say("%s begins, session %d", b.id, b.session)
	w.agentActs(b)
	for _, e := range sorted(b.stream) { // it reads all that stands there before it beats
		w.readTask(b, e)
	}
}

func (w *world) readTask(b *box, e string) {
	task, there := b.stream[e]
	if !there || b.read[e] {
		return
	}
	b.read[e] = true
	b.end.Task(e, task, false)
	w.agentActs(b)
}

func (w *world) send(deliver func()) { w.flights = append(w.flights, deliver) }

func (w *world) agentActs(b *box) {
	acts := b.end.Acts()
	for _, t := range acts.Start {
		if _, twice := b.spool[t.ID]; twice {
			w.fail("%s starts %s twice", b.id, t.ID)
		}
		b.spool[t.ID] = Record{ID: t.ID, Host: t.Host}
		b.working[t.ID] = true
		w.say("%s starts %s", b.id, t.ID)
	}
	for _, r := range acts.Adopted {
		w.say("%s works at %s for %s now", b.id, r.ID, r.Host)
		b.spool[r.ID] = r
	}
	for _, s := range acts.Stop {
		if b.working[s.ID] {
			delete(b.working, s.ID)
			b.end.Finished(s.ID, Result{Error: s.Why})
			defer w.agentActs(b)
		}
	}
	for _, r := range acts.Results {
		msg := r.Msg
		b.spool[msg.ID] = Record{ID: msg.ID, Host: r.Host, Result: &msg}
		w.send(func() {
			if r.Host != w.id {
				return // nobody reads the stream of a host that was replaced
			}
			w.next++
			w.pool[w.next] = &hostEntry{result: msg}
		})
	}
	for _, id := range acts.Forget {
		b.spool[id] = Record{ID: id, Gone: true}
	}
	for _, e := range acts.Trim {
		delete(b.stream, e)
	}
}

func (w *world) hostActs() {
	acts := w.host.Acts()
	for _, m := range acts.Tasks {
		b := w.box(m.Agent)
		w.send(func() {
			w.next++
			b.stream[fmt.Sprintf("%06d", w.next)] = m.Msg
		})
	}
	for _, m := range acts.Control {
		b := w.box(m.Agent)
		raw, _ := json.Marshal(m.Msg)
		var c Control
		if err := json.Unmarshal(raw, &c); err != nil {
			w.fail("%v", err)
		}
		w.send(func() {
			w.say("%s is told %s", b.id, raw)
			b.end.Control(c)
			w.agentActs(b)
		})
	}
	w.asks = append(w.asks, acts.Ask...)
	for _, r := range acts.Ended {
		e := w.journal[r.ID]
		if e.ended {
			w.fail("%s ends twice in one process of the host", r.ID)
		}
		how := "well"
		if r.Error != nil {
			how = string(r.Error.Cause) + ": " + r.Error.Message
		}
		w.say("host: %s ended %s", r.ID, how)
		w.appends = append(w.appends, r.ID)
	}
	for _, e := range acts.Trim {
		var n int
		_, _ = fmt.Sscan(e, &n)
		delete(w.pool, n)
	}
}

func (w *world) box(id string) *box {
	return w.agents[slices.IndexFunc(w.agents, func(b *box) bool { return b.id == id })]
}

func (w *world) hostReads() {
	for _, n := range slices.Sorted(func(yield func(int) bool) {
		for n := range w.pool {
			if !yield(n) {
				return
			}
		}
	}) {
		if e := w.pool[n]; e != nil && !e.read {
			e.read = true
			w.host.Hear(fmt.Sprint(n), e.result)
			w.hostActs()
		}
	}
}

// replaceHost has the host die for good: another one goes on with its runs, from the journal that they share.
func (w *world) replaceHost() {
	w.dead = append(w.dead, w.id)
	w.id += "h"
	clear(w.pool)
	w.say("host is replaced by %s", w.id)
	w.restartHost()
}

func (w *world) restartHost() {
	w.say("host restarts")
	w.appends, w.asks = nil, nil
	w.host = NewHost(HostConfig{ID: w.id, Beat: 5 * time.Second})
	w.host.Dead(w.dead)
	for _, e := range w.pool {
		e.read = false
	}
	for _, b := range w.agents {
		w.host.Know(b.id, fmt.Sprint(b.session-w.r.IntN(2)), "", w.now)
	}
	if w.r.IntN(2) == 0 {
		w.hostReads()
	}
	for _, id := range w.order {
		if e := w.journal[id]; !e.ended {
			w.host.Attach(e.agent, e.session, Task{ID: id, Body: json.RawMessage(`{}`)})
			w.hostActs()
		}
	}
}

func (w *world) append() {
	for _, id := range w.appends {
		w.journal[id].ended = true
		w.host.Committed(id)
	}
	w.appends = nil
	for _, u := range w.asks {
		w.host.Answer(u, !w.journal[u.ID].ended)
	}
	w.asks = nil
	w.hostActs()
}

func (w *world) beat(b *box) {
	if b.cut {
		return
	}
	for _, e := range sorted(b.stream) { // its loop has read what stood there
		w.readTask(b, e)
	}
	beat := b.end.Beat()
	w.send(func() {
		w.host.Beat(beat, w.now)
		w.hostActs()
	})
	if w.calm || w.r.IntN(3) > 0 {
		w.deliver(len(w.flights)-1, true)
	}
}

func (w *world) deliver(k int, remove bool) {
	f := w.flights[k]
	if remove {
		w.flights = slices.Delete(w.flights, k, k+1)
	}
	f()
}

func (w *world) dispatch() {
	b := w.agents[w.r.IntN(len(w.agents))]
	id := fmt.Sprintf("run/t%d", len(w.order))
	w.order = append(w.order, id)
	w.journal[id] = &entry{agent: b.id, session: w.host.Session(b.id)}
	w.say("host: %s goes to %s", id, b.id)
	if w.r.IntN(10) == 0 { // it dies between the append and the message
		w.restartHost()
		return
	}
	w.host.Dispatch(b.id, Task{ID: id, Body: json.RawMessage(`{}`)})
	w.hostActs()
}

func (w *world) step() {
	b := w.agents[w.r.IntN(len(w.agents))]
	switch n := w.r.IntN(100); {
	case n < 15:
		w.dispatch()
	case n < 50 && len(w.flights) > 0:
		w.deliver(w.r.IntN(len(w.flights)), w.r.IntN(3) > 0)
	case n < 54 && len(w.flights) > 0:
		w.flights = slices.Delete(w.flights, 0, 1) // lost
	case n < 65:
		for id := range b.working {
			delete(b.working, id)
			b.end.Finished(id, Result{Body: json.RawMessage(`1`)})
			w.agentActs(b)
			break
		}
	case n < 69:
		w.hostReads()
	case n < 72:
		w.append()
	case n < 82:
		w.now += time.Duration(w.r.IntN(3000)) * time.Millisecond
		w.host.Tick(w.now)
		w.hostActs()
	case n < 92:
		w.beat(b)
	case n < 94:
		b.cut = !b.cut
	case n < 96:
		w.boot(b)
	case n < 97:
		if w.r.IntN(3) == 0 {
			w.replaceHost()
		} else {
			w.restartHost()
		}
	case n < 99 && len(w.order) > 0:
		w.host.Stop(w.order[w.r.IntN(len(w.order))], &sdk.Error{Cause: sdk.CauseCancelled, Message: "by hand"})
		w.hostActs()
	case n == 99: // Redis loses its data
		clear(b.stream)
		clear(w.pool)
		w.flights = nil
		w.say("redis has lost its data")
	}
}

func (w *world) settle() {
	w.calm = true
	for _, b := range w.agents {
		b.cut = false
	}
	for range 12 {
		for len(w.flights) > 0 {
			w.deliver(0, true)
		}
		for _, b := range w.agents {
			for _, id := range sorted(b.working) {
				delete(b.working, id)
				b.end.Finished(id, Result{Body: json.RawMessage(`1`)})
				w.agentActs(b)
			}
			w.beat(b)
		}
		w.hostReads()
		w.append()
		w.now += 5 * time.Second
		w.host.Tick(w.now)
		w.hostActs()
	}
}

// Whatever the network and the processes do: each attempt is begun at most once, ends once, and in the end nobody holds
// anything any more.
func TestAnythingMayHappen(t *testing.T) {
	t.Parallel()
	trials := 3000
	if testing.Short() {
		trials = 300
	}
	for seed := range trials {
		w := newWorld(t, uint64(seed))
		for range 150 {
			w.step()
		}
		w.settle()
		for _, id := range w.order {
			if !w.journal[id].ended {
				w.fail("seed %d: %s never ended", seed, id)
			}
		}
		for _, b := range w.agents {
			if running, done := b.end.Holds(); running+done+len(b.stream) > 0 {
				w.fail("seed %d: %s still holds %d and %d, and its stream has %v", seed, b.id, running, done, b.stream)
			}
		}
		if len(w.pool) > 0 || len(w.host.tasks) > 0 || len(w.host.early) > 0 {
			w.fail("seed %d: the host still has %v, %v, %v", seed, w.pool, w.host.tasks, w.host.early)
		}
	}
}
