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
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

// Config says what is played.
type Config struct {
	Agents, Devices int // devices of each agent
	Tasks           int
	Users           int
	Models          int
	Seed            uint64
	// Load is the work that comes per second as a part of what the devices can do by the bound; above 1 tasks pile up.
	Load float64
	Rule Rule
	// Together: all tasks are there at the beginning.
	Together bool
}

// Result is what came of it.
type Result struct {
	Tasks int `json:"tasks"` // that ended
	// Span is from the first task's coming to the last one's end.
	Span time.Duration `json:"span_ns"`
	// Utilisation is the least time that the work would take, as no rule could do better, by the time that it took. It is of
	// the time in which a fifth of all tasks or more waited when they came together. Else it is of the whole, and no sooner than each
	// task has come and worked.
	Utilisation float64 `json:"utilisation"`
	// Waits are quantiles of how long tasks waited until they were placed for good and their models were loaded: see Quantiles.
	Waits [len(quantiles)]time.Duration `json:"waits_ns"`
	// Loads is how often a model was loaded; Warm how often it was there already.
	Loads int `json:"loads"`
	Warm  int `json:"warm"`
	// Yields is how often a task gave way and began anew.
	Yields int `json:"yields"`
	// Jain is the fairness of device time between the users who had tasks waiting all that time: 1 when all got the same. 0:
	// nobody had.
	Jain float64 `json:"jain"`
	// Bypassed is how often one task was passed over at most: see placement.Assignment.
	Bypassed int `json:"bypassed"`
}

var quantiles = [...]float64{0.5, 0.9, 0.99, 0.999, 1}

// Quantiles are those of Result.Waits.
func Quantiles() []float64 { return quantiles[:] }

// event is a task that ends, or that another one comes, or that it is time to look again.
type event struct {
	at    time.Duration
	seq   int
	ends  *job
	start int // as which of its starts
	comes bool
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
	book    *book.Book
	work    *workload
	events  events
	seq     int
	waits   []time.Duration
	given   map[string]float64 // device seconds, by user
	pending map[string]int     // tasks that wait, by user
	done    work
	out     []placement.Assignment
	result  Result
	jobs    map[string]*job // that wait or run
	running map[*job]bool
	sizes   map[string]int64 // memory of devices
	over    bool             // the backlog is
	least   time.Duration    // no rule could be done sooner: the last that a task has come and worked
}

// Run plays the game to its end.
func Run(c Config) Result {
	g := &game{Config: c, start: time.Unix(1_700_000_000, 0), book: book.New(c.Rule.Policy), given: map[string]float64{}, pending: map[string]int{},
		done: work{turns: map[string][3]float64{}}, jobs: map[string]*job{}, running: map[*job]bool{}, sizes: map[string]int64{}, over: !c.Together}
	g.work = newWorkload(c)
	g.fleet()
	if c.Together {
		for range c.Tasks {
			g.comes()
		}
		g.decide()
	} else {
		g.push(event{comes: true})
	}
	for len(g.events) > 0 {
		e := heap.Pop(&g.events).(event)
		g.now = e.at
		g.happens(e)
		if len(g.events) > 0 && g.events[0].at == g.now {
			continue
		}
		g.decide()
	}
	return g.finish()
}

func (g *game) happens(e event) {
	switch {
	case e.ends != nil:
		g.ends(e.ends, e.start)
	case e.comes && g.work.left():
		g.comes()
		g.push(event{at: g.now + g.work.gap(), comes: true})
	}
}

func (g *game) push(e event) {
	g.seq++
	e.seq = g.seq
	heap.Push(&g.events, e)
}

func (g *game) fleet() {
	for k := range g.Agents {
		id := fmt.Sprintf("agent%04d", k)
		g.book.SetAgent(placement.Agent{ID: id, Name: id})
		var devices []device.Device
		for d := range g.Devices {
			x := g.work.device(fmt.Sprintf("GPU-%04d-%d", k, d), k*g.Devices+d)
			g.sizes[x.UUID] = x.Memory
			devices = append(devices, x)
		}
		g.book.Observe(id, devices, -1, -1)
	}
}

func (g *game) comes() {
	j := g.work.next()
	j.Since, j.came = g.start.Add(g.now), g.now
	g.jobs[j.ID] = j
	g.least = max(g.least, g.now+j.lasts)
	g.pending[j.Owner]++
	g.book.Add(j.Task, j.Since)
}

func (g *game) decide() {
	now := g.start.Add(g.now)
	g.out = g.book.Decide(now, g.out[:0])
	for k := range g.out {
		g.begins(&g.out[k])
	}
	for _, id := range g.book.Yields() {
		j := g.jobs[id]
		g.result.Yields++
		g.account(j)
		delete(g.running, j)
		g.pending[j.Owner]++
		g.book.Yielded(id, true, now) // its work is lost
	}
	at := g.book.Wake().Sub(g.start)
	if waiting, _ := g.book.Len(); waiting > 0 && at > 0 && (len(g.events) == 0 || g.events[0].at > at) {
		g.push(event{at: max(g.now+1, at)})
	}
	if waiting, _ := g.book.Len(); !g.over && waiting < g.Tasks/5 {
		g.ebbs()
	}
}

func (g *game) begins(a *placement.Assignment) {
	j := g.jobs[a.Task.ID]
	g.running[j] = true
	g.pending[j.Owner]--
	j.began, j.cold, j.share = g.now, !a.Warm, 0
	j.starts++
	for _, uuid := range a.Devices {
		j.share += float64(j.Request.Memory) / float64(g.sizes[uuid])
	}
	took := j.lasts
	if j.cold {
		g.result.Loads++
		took += j.loads
	} else {
		g.result.Warm++
	}
	g.result.Bypassed = max(g.result.Bypassed, a.Bypassed)
	g.push(event{at: g.now + took, ends: j, start: j.starts})
}

// account counts the device time that a task has had.
func (g *game) account(j *job) { g.given[j.Owner] += (g.now - j.began).Seconds() * j.share }

func (g *game) ends(j *job, start int) {
	if !g.running[j] || j.starts != start { // it gave way meanwhile
		return
	}
	delete(g.running, j)
	delete(g.jobs, j.ID)
	g.book.Ended(j.ID, true, g.start.Add(g.now))
	g.result.Tasks++
	wait := j.began - j.came
	if j.cold {
		wait += j.loads
	}
	g.waits = append(g.waits, wait)
	if !g.over {
		g.account(j)
		g.done.add(j, j.lasts)
	}
}

// ebbs takes stock when the backlog is over: what still runs counts as far as it has come.
func (g *game) ebbs() {
	g.over = true
	for j := range g.running {
		g.account(j)
		worked := g.now - j.began
		if j.cold {
			worked -= j.loads
		}
		g.done.add(j, max(0, worked))
	}
	g.result.Utilisation = g.done.bound(g.work.counts).Seconds() / max(g.now.Seconds(), 1e-9)
	var sum, squares, n float64
	for user, given := range g.given {
		if g.pending[user] > 0 {
			sum, squares, n = sum+given, squares+given*given, n+1
		}
	}
	if squares > 0 {
		g.result.Jain = sum * sum / (n * squares)
	}
}

func (g *game) finish() Result {
	r := &g.result
	r.Span = g.now
	if !g.Together {
		r.Utilisation = max(g.least, g.work.all.bound(g.work.counts)).Seconds() / max(g.now.Seconds(), 1e-9)
	}
	slices.Sort(g.waits)
	for k, q := range quantiles {
		if len(g.waits) > 0 {
			r.Waits[k] = g.waits[max(0, int(math.Ceil(q*float64(len(g.waits))))-1)]
		}
	}
	return *r
}
