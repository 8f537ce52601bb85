// Package sim plays a fleet in virtual time: tasks come, are placed by the real Book, load their models, run and end. It
// says what a policy makes of that. The same seed gives the same tasks, whatever the policy.
package sim

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Config says what is played.
type Config struct {
	Agents, Devices int // devices of each agent
	Tasks           int
	Users           int
	Models          int
	Seed            uint64
	// Load is the work that comes per second as a part of what the devices can do; above 1 tasks pile up.
	Load   float64
	Policy placement.Policy
	// Together: all tasks are there at the beginning.
	Together bool
}

// Result is what came of it.
type Result struct {
	Placed int
	// Span is from the first task's coming to the last one's end, Bound the least that any policy could take.
	Span, Bound time.Duration
	// Waits are quantiles of how long tasks waited: see Quantiles.
	Waits [len(quantiles)]time.Duration
	// Loads is how often a model was loaded; Warm how often it was there already.
	Loads, Warm int
	// Jain is the fairness of device time between users while all of them had tasks: 1 when all got the same.
	Jain        float64
	MostPassed  int // bypasses of one task
	Utilisation float64
}

var quantiles = [...]float64{0.5, 0.9, 0.99, 0.999, 1}

// Quantiles are those of Result.Waits.
func Quantiles() []float64 { return quantiles[:] }

type event struct {
	at    time.Duration
	seq   int
	ended string // a task; empty: one comes
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].at, h[j].at), cmp.Compare(h[i].seq, h[j].seq)) < 0
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

type game struct {
	Config
	start   time.Time
	now     time.Duration
	book    *placement.Book
	work    *workload
	events  events
	seq     int
	waits   []time.Duration
	given   map[string]float64 // device seconds, by user
	jain    []float64
	out     []placement.Assignment
	result  Result
	running map[string]*job
	waiting map[string]*job
	busy    float64
}

// Run plays the game to its end.
func Run(c Config) Result {
	g := &game{Config: c, start: time.Unix(1_700_000_000, 0), book: placement.New(c.Policy), given: map[string]float64{},
		running: map[string]*job{}, waiting: map[string]*job{}}
	g.work = newWorkload(c)
	g.fleet()
	if c.Together {
		for range c.Tasks {
			g.comes()
		}
		g.decide()
	} else {
		g.push(event{at: 0})
	}
	for len(g.events) > 0 {
		e := heap.Pop(&g.events).(event)
		g.now = e.at
		if e.ended == "" {
			if g.work.left() {
				g.comes()
			}
			if g.work.left() {
				g.push(event{at: g.now + g.work.gap()})
			}
		} else {
			g.ends(e.ended)
		}
		if len(g.events) > 0 && g.events[0].at == g.now {
			continue
		}
		g.decide()
	}
	return g.finish()
}

func (g *game) push(e event) {
	g.seq++
	e.seq = g.seq
	heap.Push(&g.events, e)
}

func (g *game) fleet() {
	at := 0
	for k := range g.Agents {
		id := fmt.Sprintf("agent%04d", k)
		g.book.SetAgent(placement.Agent{ID: id, Name: id})
		var devices []device.Device
		for d := range g.Devices {
			devices = append(devices, g.work.device(fmt.Sprintf("GPU-%04d-%d", k, d), at))
			at++
		}
		g.book.Observe(id, devices, -1, -1)
	}
}

func (g *game) comes() {
	j := g.work.next()
	j.Since = g.start.Add(g.now)
	j.came = g.now
	g.waiting[j.ID] = j
	g.book.Add(j.Task, j.Since)
}

func (g *game) decide() {
	g.out = g.book.Decide(g.start.Add(g.now), g.out[:0])
	for k := range g.out {
		a := &g.out[k]
		j := g.waiting[a.Task.ID]
		delete(g.waiting, j.ID)
		g.running[j.ID] = j
		g.waits = append(g.waits, g.now-j.came)
		took := j.lasts
		if a.Warm {
			g.result.Warm++
		} else {
			g.result.Loads++
			took += j.loads
		}
		g.result.MostPassed = max(g.result.MostPassed, a.Bypassed)
		g.given[j.Owner] += took.Seconds() * j.share
		g.busy += j.lasts.Seconds() * j.share
		g.push(event{at: g.now + took, ended: j.ID})
	}
	for _, id := range g.book.Yields() {
		g.book.Yielded(id, true, g.start.Add(g.now)) // its work is lost, and its end means nothing any more
		g.waiting[id] = g.running[id]
		delete(g.running, id)
	}
	if at := g.book.Wake(); !at.IsZero() && (len(g.events) == 0 || g.events[0].at > at.Sub(g.start)) {
		g.push(event{at: max(g.now+1, at.Sub(g.start)), ended: "-"})
	}
}

func (g *game) ends(id string) {
	if g.running[id] == nil {
		return
	}
	delete(g.running, id)
	g.book.Ended(id, true, g.start.Add(g.now))
	g.result.Placed++
	if n := g.result.Placed; g.Together && n%max(1, g.Tasks/20) == 0 && n <= g.Tasks/2 {
		g.jain = append(g.jain, jain(g.given))
	}
}

func jain(given map[string]float64) float64 {
	var sum, squares float64
	for _, x := range given {
		sum += x
		squares += x * x
	}
	return sum * sum / (float64(len(given)) * squares)
}

func (g *game) finish() Result {
	r := &g.result
	r.Span, r.Bound = g.now, g.work.bound()
	slices.Sort(g.waits)
	for k, q := range quantiles {
		r.Waits[k] = g.waits[max(0, int(math.Ceil(q*float64(len(g.waits))))-1)]
	}
	r.Jain = jain(g.given)
	if len(g.jain) > 0 {
		r.Jain = g.jain[len(g.jain)-1]
	}
	r.Utilisation = r.Bound.Seconds() / r.Span.Seconds()
	return *r
}
