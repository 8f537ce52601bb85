// Package placer owns the book of one host: attempts that wait for devices, and what is known of the agents. It calls
// core/placement/book, which decides, and says who got what. Where several hosts share agents it asks a Leader, and its own book decides
// for its own machine alone. It remembers what tasks have taught in a file.
package placer

import (
	"log/slog"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/learned"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what a placer works with.
type Config struct {
	Policy placement.Policy
	// Plugin gives the plugin that offers a node type; empty: none does.
	Plugin func(nodeType string) string
	// Expect tells an agent of a task that comes, before the task does; of one that it holds too, which may never have come. It
	// must not call the placer.
	Expect func(placement.Assignment)
	// Leader places on all agents but Here, which is this machine; nil: this host is alone, and does so itself.
	Leader Leader
	Here   string
	// File is where what was learned is kept; empty: nowhere.
	File string
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger
}

// Placer gives attempts the devices that they ask for. It is safe for concurrent use.
type Placer struct {
	cfg Config

	mu      sync.Mutex
	book    *book.Book
	wants   map[string]*want
	learned learned.Table
	fresh   []*want // that came just now, and the leader has to be told of
	held    string
	due     *time.Timer // for what is worth another look though nothing happens
	dirty   bool        // learned has changed since it was written
	closed  bool
}

// want is an attempt that waits, or has devices.
type want struct {
	task    placement.Task
	given   func(placement.Given)
	yield   func()
	elastic bool
	kind    string    // of the tasks it teaches about
	since   time.Time // it has had devices; zero: it waits
	warm    bool
	held    bool // it had them before this host began: how long it takes teaches nothing
}

// New makes a placer. Close it in the end.
func New(c Config) *Placer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Placer{cfg: c, book: book.New(c.Policy), wants: map[string]*want{}}
	p.read()
	return p
}

// Close writes down what was learned.
func (p *Placer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.due != nil {
		p.due.Stop()
	}
	return p.write()
}

// Want enters an attempt that waits for devices. given is called once when it has them, yield when it has to give them back:
// from any goroutine, with nothing locked here. An attempt that waits already may have another priority now. One with Held has
// what it wants, and given is not called: it counts among those that run, and when it does already, only yield is another.
func (p *Placer) Want(w placement.Want, given func(placement.Given), yield func()) {
	p.change(func(now time.Time) {
		if w.Held != nil {
			p.adopt(w, yield, now)
			return
		}
		if was := p.wants[w.ID]; was != nil {
			if !was.since.IsZero() || was.task.Priority == w.Priority {
				return
			}
			p.book.Remove(w.ID)
		}
		x := &want{given: given, yield: yield, elastic: w.Type.Elastic}
		x.task, x.kind = p.task(w, now)
		p.wants[w.ID] = x
		p.book.Add(x.task, now)
		if p.cfg.Leader != nil {
			p.fresh = append(p.fresh, x)
		}
	})
}

func (p *Placer) adopt(w placement.Want, yield func(), now time.Time) {
	if was := p.wants[w.ID]; was != nil && !was.since.IsZero() {
		was.yield = yield
		return
	}
	x := &want{given: func(placement.Given) {}, yield: yield, since: now, held: true}
	x.task, x.kind = p.task(w, now)
	r := &x.task.Request
	r.Count, r.Memory, r.Exclusive = len(w.Held.Devices), w.Held.Memory, w.Request.Exclusive || w.Held.Memory == 0
	p.wants[w.ID] = x
	p.book.Adopt(x.task, *w.Held, now)
	p.cfg.Expect(placement.Assignment{Task: x.task, Agent: w.Held.Agent, Devices: w.Held.Devices})
	if p.cfg.Leader != nil {
		p.cfg.Leader.Hold(x.task, *w.Held)
	}
}

// task fills in what was learned.
func (p *Placer) task(w placement.Want, now time.Time) (placement.Task, string) {
	kind := kindOf(w)
	t := placement.Task{ID: w.ID, Owner: w.Owner, Priority: w.Priority, Type: w.Type.Name, Plugin: p.cfg.Plugin(w.Type.Name), Model: w.Model, Files: w.Files, Classes: w.Classes,
		Request: w.Request, Concurrency: w.Type.Concurrency, Evictable: w.Evictable, Since: now}
	if offer := w.Type.Offer(w.Inputs); offer != t.Type {
		t.Offer = offer
	}
	r := &t.Request
	if r.Count > 0 {
		declared := r.Memory
		r.Memory, _ = p.learned.Memory(kind, declared, w.Type.Elastic && !r.NeverSpill)
		if r.Memory > declared { // what was learned keeps nobody from trying the largest device there is
			r.Memory = max(declared, min(r.Memory, p.book.Largest(&placement.Task{Type: t.Type, Offer: t.Offer, Request: w.Request})))
		}
		if r.Memory == 0 { // nobody knows what it needs: it gets a device of its own, and is watched
			r.Exclusive = true
		}
	}
	t.Lasts, t.Loads = p.learned.Lasts(kind)
	return t, kind
}

// Done takes an attempt out: it waits no more, or gives back what it was given. went is nil for one that never began.
func (p *Placer) Done(id string, went *placement.Went) {
	p.change(func(now time.Time) {
		w := p.wants[id]
		delete(p.wants, id)
		over := lead.Done{ID: id, Left: went == nil}
		switch {
		case w == nil:
		case w.since.IsZero():
			p.book.Remove(id)
		case went != nil && went.Error != nil && went.Error.Cause == sdk.CauseRefused:
			over.Refused = went.Error.Message
			p.book.Refused(id, over.Refused, now)
			p.book.Remove(id) // it comes again as another attempt; what refused it is remembered
		default:
			over.Kept = went != nil && keeps(went.Error)
			p.book.Ended(id, over.Kept, now)
			p.learn(w, went, now)
		}
		p.ended(over)
	})
}

// keeps says whether a plugin's process lives on after a task, as far as its error tells. What the agent says then counts.
func keeps(err *sdk.Error) bool {
	return err == nil || err.Cause == sdk.CauseFailed && err.Permanent
}

// Why says why an attempt waits; empty when it does not. Of other hosts' it knows what the leader says.
func (p *Placer) Why(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.wants[id]
	if w != nil && !w.since.IsZero() {
		return ""
	}
	if w != nil && p.held != "" {
		return "it waits: " + p.held
	}
	if why := p.whyAfar(id); why != "" || w == nil {
		return why
	}
	now := p.cfg.Now()
	return p.book.Why(id, now).Said(now)
}

// Waiting lists the attempts that wait for devices, in the order in which they go; of all hosts, when there are several.
func (p *Placer) Waiting() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.book.Waiting()
	if p.cfg.Leader != nil {
		return p.waitingAfar(own)
	}
	return own
}

// Leases lists what attempts hold of an agent's devices: see placement.Book.
func (p *Placer) Leases(agent string) map[string][]device.Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.book.Leases(agent)
}

// Idle says that no attempt waits for devices or has any.
func (p *Placer) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.wants) == 0
}

// Never says why no agent could ever give an attempt what it asks for; empty when one could.
func (p *Placer) Never(w placement.Want) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, _ := p.task(w, p.cfg.Now())
	return p.book.Never(&t)
}

// Would says where an attempt would go now if nobody waited, or why it would wait.
func (p *Placer) Would(w placement.Want) (placement.Assignment, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	t, _ := p.task(w, now)
	a, why := p.book.Would(t, now)
	if why != "" && p.cfg.Leader != nil && p.book.Never(&t) == "" {
		why = "the host that places tasks for all decides when it is due"
	}
	return a, why
}

// Hold gives nothing to anybody as long as there is a reason why not.
func (p *Placer) Hold(why string) {
	p.change(func(time.Time) {
		if was := p.held; was != why {
			p.held = why
			p.hold()
		}
	})
}

// HoldPlugin gives nothing to tasks of a plugin; an empty why ends that.
func (p *Placer) HoldPlugin(plugin, why string) {
	p.change(func(time.Time) { p.book.HoldPlugin(plugin, why) })
}

// HoldDevice gives nobody the device; an empty why ends that. It says whether there is such a device.
func (p *Placer) HoldDevice(uuid, why string) (found bool) {
	p.change(func(time.Time) { found = p.book.Hold(uuid, why) })
	return found
}

// Agent takes in what an agent says of itself. ram and disk are what it has of them in all; below zero: nobody knows.
func (p *Placer) Agent(a placement.Agent, devices []device.Device, ram, disk int64, warm []device.Warm) {
	p.change(func(now time.Time) {
		p.book.SetAgent(p.away(a, devices, ram, disk, warm))
		p.book.Observe(a.ID, devices, ram, disk)
		p.book.Warm(a.ID, warm, now)
	})
}

// Shortages gives the model files that are lacking for attempts that wait: see book.Book.
func (p *Placer) Shortages() []placement.Shortage {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.book.Shortages()
	if p.cfg.Leader != nil {
		out = append(out, p.cfg.Leader.Shortages()...)
	}
	return out
}

// Forget removes an agent that a person has taken out. It says whether there was one.
func (p *Placer) Forget(id string) (found bool) {
	p.change(func(time.Time) {
		if found = p.book.Forget(id); found && p.cfg.Leader != nil {
			p.cfg.Leader.Forget(id)
		}
	})
	return found
}

// change changes something, and places what can be placed then.
func (p *Placer) change(what func(now time.Time)) {
	p.mu.Lock()
	now := p.cfg.Now()
	what(now)
	var calls []func()
	if !p.closed && p.held == "" {
		calls = p.decide(now)
	}
	p.tell()
	p.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

func (p *Placer) decide(now time.Time) (calls []func()) {
	for _, a := range p.book.Decide(now, nil) {
		p.ended(lead.Done{ID: a.Task.ID})
		calls = append(calls, p.give(p.wants[a.Task.ID], a, now))
	}
	for _, id := range p.book.Yields() {
		calls = append(calls, p.wants[id].yield)
	}
	if p.due != nil {
		p.due.Stop()
	}
	if at := p.book.Wake(); !at.IsZero() {
		p.due = time.AfterFunc(at.Sub(now), func() { p.change(func(time.Time) {}) })
	}
	return calls
}

// give notes what an attempt gets, and gives what tells of it.
func (p *Placer) give(w *want, a placement.Assignment, now time.Time) func() {
	w.since, w.warm = now, a.Warm
	return func() {
		p.cfg.Expect(a)
		w.given(placement.Given{Agent: a.Agent, Devices: a.Devices, Memory: a.Task.Request.Memory, Warm: a.Warm})
	}
}
