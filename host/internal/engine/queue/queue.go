// Package queue holds the runs that have been made and wait for their turn: in which order they go on, how many may at once,
// and by which concurrency keys. It keeps nothing on disk and refuses to know what a run does.
package queue

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// Queue holds runs that wait. They are not in memory but for what decides on
// their order: higher priority first, then the one that was made first or moved before.
type Queue struct {
	max int // runs that may go on at once, those that wait for a person not counted

	mu      sync.Mutex
	waiting []*Ticket          // in order
	byID    map[run.ID]*Ticket // of waiting, and those on their way out
	going   map[string]int     // runs that go on, by concurrency key; "" is not counted
	running int
	paused  bool   // nothing leaves until a person says so
	held    string // why no new work begins now; empty: nothing is in the way
	reading bool   // what was under way before a restart is not counted yet
}

// Ticket is what a run needs to go on.
type Ticket struct {
	ID       run.ID
	Priority int
	Place    string // its id, or where it was moved to
	Key      string // its pipeline and the value of its concurrency key; "": no limit
	Limit    int

	moving bool          // it is on its way out of the queue
	called chan struct{} // closed when it has left the queue
}

// New makes a queue that lets so many runs go on at once.
func New(max int) *Queue {
	return &Queue{max: max, byID: map[run.ID]*Ticket{}, going: map[string]int{}}
}

// fits says whether the run could go on now. The caller holds mu.
func (q *Queue) fits(t *Ticket) bool {
	return q.open() && (t.Key == "" || !q.reading && q.going[t.Key] < t.Limit)
}

// open says whether any run could go on now. The caller holds mu.
func (q *Queue) open() bool { return !q.paused && q.held == "" && q.running < q.max }

func (q *Queue) count(t *Ticket, by int) {
	q.running += by
	if t.Key == "" {
		return
	}
	if q.going[t.Key] += by; q.going[t.Key] <= 0 {
		delete(q.going, t.Key)
	}
}

// Enter lets a new run go on at once when it fits and none that waits could go before it.
func (q *Queue) Enter(t *Ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(t) || slices.ContainsFunc(q.waiting, func(w *Ticket) bool { return w.Priority >= t.Priority && q.fits(w) }) {
		return false
	}
	q.count(t, 1)
	return true
}

// GoOn counts a run that goes on whether it fits or not: it had begun before a restart.
func (q *Queue) GoOn(t *Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(t, 1)
}

// Rest gives back the place of a run that only waits for a person, or takes it again; its concurrency key stays taken.
func (q *Queue) Rest(resting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if resting {
		q.running--
	} else {
		q.running++
	}
}

func (q *Queue) order(a, b *Ticket) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Place, b.Place), cmp.Compare(a.ID, b.ID))
}

// Push lets a run wait, or puts one that was taken back.
func (q *Queue) Push(t *Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if was := q.byID[t.ID]; was != nil && was != t {
		return
	}
	if t.called == nil {
		t.called = make(chan struct{})
	}
	t.moving, q.byID[t.ID] = false, t
	at, _ := slices.BinarySearchFunc(q.waiting, t, q.order)
	q.waiting = slices.Insert(q.waiting, at, t)
}

// Take takes a run out of the queue; nil when it is not there. Settle follows, or Push.
func (q *Queue) Take(id run.ID) *Ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.byID[id]
	if t == nil || t.moving {
		return nil
	}
	q.remove(t)
	return t
}

func (q *Queue) remove(t *Ticket) {
	t.moving = true
	at, _ := slices.BinarySearchFunc(q.waiting, t, q.order)
	q.waiting = slices.Delete(q.waiting, at, at+1)
}

// Settle says that a run which was taken out is where it belongs: in memory, or ended.
func (q *Queue) Settle(t *Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byID, t.ID)
	close(t.called)
}

// Next takes the first run that fits out of the queue and counts it as going on.
func (q *Queue) Next() *Ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open() {
		return nil
	}
	for _, t := range q.waiting {
		if q.fits(t) {
			q.remove(t)
			q.count(t, 1)
			return t
		}
	}
	return nil
}

// Leave gives back what a run held that has ended.
func (q *Queue) Leave(t *Ticket, resting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(t, -1)
	if resting {
		q.running++ // it had been given back
	}
}

// Find gives what waits, or is on its way out; nil when it does neither.
func (q *Queue) Find(id run.ID) *Ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

// Why says why a run waits; nothing when it does not.
func (q *Queue) Why(id run.ID) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.byID[id]
	switch {
	case t == nil:
		return ""
	case t.moving:
		return "it is about to begin"
	}
	at, _ := slices.BinarySearchFunc(q.waiting, t, q.order)
	before := "it is the next"
	if at > 0 {
		before = runs(at, "waits", "wait") + " before it"
	}
	switch {
	case q.paused:
		return "it waits in the queue, which is paused; " + before
	case q.held != "":
		return "it waits: " + q.held + "; " + before
	case t.Key != "" && q.reading:
		return "it waits until the host has read back what was under way before its start; " + before
	case t.Key != "" && q.going[t.Key] >= t.Limit:
		return fmt.Sprintf("it waits for its turn: %s under way with its pipeline's concurrency key, as many as may be at once; %s", runs(t.Limit, "is", "are"), before)
	case q.running >= q.max:
		return fmt.Sprintf("it waits for its turn: %s under way, as many as may be at once; %s", runs(q.max, "is", "are"), before)
	}
	return "it is about to begin; " + before
}

// runs says what one run does, or several do.
func runs(n int, does, do string) string {
	if n == 1 {
		return "1 run " + does
	}
	return fmt.Sprintf("%d runs %s", n, do)
}

// Left is closed when the run has left the queue.
func (t *Ticket) Left() <-chan struct{} { return t.called }

// Queued is a run that waits for its turn.
type Queued struct {
	Run      run.ID
	Priority int
	Why      string
}

// List lists the runs that wait for their turn, in order, at most limit (0: all), and says whether the queue is paused.
func (q *Queue) List(limit int) (list []Queued, total int, paused bool) {
	q.mu.Lock()
	for _, t := range q.waiting {
		if limit > 0 && len(list) == limit {
			break
		}
		list = append(list, Queued{Run: t.ID, Priority: t.Priority})
	}
	total, paused = len(q.waiting), q.paused
	q.mu.Unlock()
	for k := range list {
		list[k].Why = q.Why(list[k].Run)
	}
	return list, total, paused
}

// Oldest counts the runs that wait for their turn, and gives the one that was made first.
func (q *Queue) Oldest() (total int, first run.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.waiting {
		if first == "" || t.ID < first {
			first = t.ID
		}
	}
	return len(q.waiting), first
}

// Pause lets nothing leave the queue, or lets it go on.
func (q *Queue) Pause(paused bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = paused
}

// Hold lets nothing leave the queue as long as there is a reason why not; it gives the reason before.
func (q *Queue) Hold(why string) (was string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	was, q.held = q.held, why
	return was
}

// Reading says that what was under way before a restart is not counted yet, or that it is.
func (q *Queue) Reading(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = on
}
