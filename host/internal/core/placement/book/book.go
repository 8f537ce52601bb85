// Package book decides which agent and devices a task gets, or says why it waits. Its Book holds the pending tasks and
// what is known of the fleet; it has one owner and is changed in place.
//
// The order: priority, which rises for whoever is not served; then the user who was given the least device time; then who
// came first. Tasks that are alike (one line) wait behind one another; only the first of each line is looked at. Within
// the first 32 lines that may begin something, a task whose model is loaded and idle goes before one that would have to load its
// own. A device on which the first of a line was passed over 32 times is kept for it.
package book

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
	"github.com/myspinbot/spinbot/host/internal/core/placement/reason"
	"github.com/myspinbot/spinbot/host/internal/core/placement/turns"
)

// Book holds the pending tasks and the fleet. It has one owner at a time.
type Book struct {
	policy  placement.Policy
	fleet   *fleet.Fleet
	turns   *turns.Turns
	decides uint64    // counts the calls of Decide
	over    []passing // scratch of passed
	running map[string]*running
	evicted []string // tasks that are to give way, not told yet
	// evictables is how many evictable tasks are running.
	evictables int
}

// running is a task that was placed.
type running struct {
	fleet.Held
	user    *turns.User
	charged float64
	yields  bool // it was told to give way
	seq     uint64
}

// New makes an empty book.
func New(p placement.Policy) *Book {
	if p.Ageing == 0 {
		p.Ageing = time.Minute
	}
	f := fleet.New(p)
	return &Book{policy: p, fleet: f, turns: turns.New(p, f), running: map[string]*running{}}
}

// Len says how many tasks wait, and how many were placed and have not ended.
func (b *Book) Len() (waiting, placed int) { return len(b.turns.Tasks), len(b.running) }

// Add takes in a task that waits. One that is known already is left as it is.
func (b *Book) Add(t placement.Task, now time.Time) {
	if b.running[t.ID] == nil {
		b.turns.Add(t, now)
	}
}

// Remove takes a task out that waits no more. It says whether it was there.
func (b *Book) Remove(id string) bool { return b.turns.Remove(id) }

// Waiting lists the tasks that wait, those first that go first: each line's in its order, lines by their first.
func (b *Book) Waiting() []string { return b.turns.Waiting() }

// HoldPlugin keeps tasks of a plugin from being placed, or lets them go on with an empty why.
func (b *Book) HoldPlugin(plugin, why string) { b.turns.HoldPlugin(plugin, why) }

// Hold takes a device out of use, or back into it with an empty why. It says whether there is such a device.
func (b *Book) Hold(uuid, why string) bool { return b.fleet.Hold(uuid, why) }

// SetAgent takes in an agent, or what has changed about it.
func (b *Book) SetAgent(a placement.Agent) { b.charge(b.fleet.SetAgent(a)) }

// Observe takes in an agent's devices as they were last read. ram and disk are what it has of them in all; below zero:
// nobody knows.
func (b *Book) Observe(id string, devices []device.Device, ram, disk int64) {
	b.charge(b.fleet.Observe(id, devices, ram, disk))
}

// Warm takes in what an agent keeps warm. What tasks work with is left as it is.
func (b *Book) Warm(id string, warm []device.Warm, now time.Time) { b.fleet.Warm(id, warm, now) }

// Shortages gives what is lacking for the first of each line that no agent could serve with the files that it has.
func (b *Book) Shortages() []placement.Shortage { return reason.Shortages(b.fleet) }

// Ended says that a placed task has ended. kept: its process lives on with its model loaded. It says whether the task was
// known.
func (b *Book) Ended(id string, kept bool, now time.Time) bool {
	r := b.running[id]
	if r == nil {
		return false
	}
	b.finish(r, kept, now)
	r.user.Settle(r.Part*now.Sub(r.Since).Seconds(), r.charged)
	return true
}

// Yielded puts a task back in front that gave way.
func (b *Book) Yielded(id string, kept bool, now time.Time) bool {
	r := b.running[id]
	return b.Ended(id, kept, now) && b.back(r, "gave way to another task", now)
}

// Refused puts a task back in front that its agent did not take. It does not go there again before something was heard of
// the agent. Its model, if it had to be loaded, is not.
func (b *Book) Refused(id, why string, now time.Time) bool {
	r := b.running[id]
	if r == nil {
		return false
	}
	b.Ended(id, r.Warm, now)
	b.back(r, why, now)
	b.fleet.Refused(&b.turns.Tasks[id].Line.Need, r.On)
	return true
}

func (b *Book) back(r *running, why string, now time.Time) bool {
	b.turns.PutBack(r.Task, r.seq, why, now)
	return true
}

func (b *Book) finish(r *running, kept bool, now time.Time) {
	delete(b.running, r.ID)
	if r.Evictable {
		b.evictables--
	}
	b.fleet.Release(&r.Held, kept, now)
	r.user.Ended(&r.Held)
	b.turns.Unpark(r.user)
}

// Adopt takes in a task that runs already with what it was given, though this book has not placed it: nothing is decided. What
// it takes of an agent that is not known yet, or whose devices are not, counts once they are. One that runs here already is left
// as it is.
func (b *Book) Adopt(t placement.Task, g placement.Given, now time.Time) {
	if b.running[t.ID] != nil {
		return
	}
	b.Remove(t.ID)
	r := &running{Held: fleet.Held{Task: t, On: g.Agent, Devices: slices.Clone(g.Devices), Since: now}, user: b.turns.UserOf(t.Owner), seq: b.turns.Next()}
	b.turns.Returns(r.user)
	b.holds(r)
	r.user.Serve(now)
	b.charge(b.fleet.Adopt(&r.Held))
}

// charge counts for their users what tasks take that have come into an agent's account.
func (b *Book) charge(tasks []*fleet.Held) {
	for _, h := range tasks {
		r := b.running[h.ID]
		r.charged = r.Part * r.Lasting().Seconds()
		r.user.Charge(r.charged)
		r.user.Moved()
	}
}

// Forget removes an agent that a person has taken out, with its devices. Tasks that run there are known until they end; they
// are back in its account when it comes back before that. It says whether there was such an agent.
func (b *Book) Forget(id string) bool {
	var there []*running // in the order in which they came
	for _, r := range b.running {
		if r.Agent != nil && r.On == id {
			there = append(there, r)
		}
	}
	slices.SortFunc(there, func(x, y *running) int { return cmp.Compare(x.seq, y.seq) })
	var tasks []*fleet.Held
	for _, r := range there {
		tasks = append(tasks, &r.Held)
	}
	return b.fleet.Forget(id, tasks)
}

// holds enters a task among those that run, and what its user has.
func (b *Book) holds(r *running) {
	b.running[r.ID] = r
	if r.Evictable {
		b.evictables++
	}
	r.user.Began(&r.Held)
}
