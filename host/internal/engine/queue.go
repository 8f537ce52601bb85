package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// queue holds the runs that have been made and wait for their turn. They are not in memory but for what decides on
// their order: higher priority first, then the one that was made first or moved before.
type queue struct {
	max int // runs that may go on at once, those that wait for a person not counted

	moves sync.Mutex // one run is moved at a time, so that two do not get the same place

	mu      sync.Mutex
	waiting []*ticket          // in order
	byID    map[run.ID]*ticket // of waiting, and those on their way out
	going   map[string]int     // runs that go on, by concurrency key; "" is not counted
	running int
	paused  bool   // nothing leaves until a person says so
	held    string // why no new work begins now; empty: nothing is in the way
	reading bool   // what was under way before a restart is not counted yet
}

// ticket is what a run needs to go on.
type ticket struct {
	id       run.ID
	priority int
	place    string // its id, or where it was moved to
	key      string // its pipeline and the value of its concurrency key; "": no limit
	limit    int

	moving bool          // it is on its way out of the queue
	called chan struct{} // closed when it has left the queue
}

func newQueue(max int) *queue {
	return &queue{max: max, byID: map[run.ID]*ticket{}, going: map[string]int{}}
}

// fits says whether the run could go on now. The caller holds mu.
func (q *queue) fits(t *ticket) bool {
	return q.open() && (t.key == "" || !q.reading && q.going[t.key] < t.limit)
}

// open says whether any run could go on now. The caller holds mu.
func (q *queue) open() bool { return !q.paused && q.held == "" && q.running < q.max }

func (q *queue) count(t *ticket, by int) {
	q.running += by
	if t.key == "" {
		return
	}
	if q.going[t.key] += by; q.going[t.key] <= 0 {
		delete(q.going, t.key)
	}
}

// enter lets a new run go on at once when it fits and none that waits could go before it.
func (q *queue) enter(t *ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(t) || slices.ContainsFunc(q.waiting, func(w *ticket) bool { return w.priority >= t.priority && q.fits(w) }) {
		return false
	}
	q.count(t, 1)
	return true
}

// goOn counts a run that goes on whether it fits or not: it had begun before a restart.
func (q *queue) goOn(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(t, 1)
}

// rest gives back the place of a run that only waits for a person, or takes it again; its concurrency key stays taken.
func (q *queue) rest(resting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if resting {
		q.running--
	} else {
		q.running++
	}
}

func (q *queue) order(a, b *ticket) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.place, b.place), cmp.Compare(a.id, b.id))
}

func (q *queue) push(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if was := q.byID[t.id]; was != nil && was != t {
		return
	}
	if t.called == nil {
		t.called = make(chan struct{})
	}
	t.moving, q.byID[t.id] = false, t
	at, _ := slices.BinarySearchFunc(q.waiting, t, q.order)
	q.waiting = slices.Insert(q.waiting, at, t)
}

// take takes a run out of the queue; nil when it is not there. settle follows, or push.
func (q *queue) take(id run.ID) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.byID[id]
	if t == nil || t.moving {
		return nil
	}
	q.remove(t)
	return t
}

func (q *queue) remove(t *ticket) {
	t.moving = true
	at, _ := slices.BinarySearchFunc(q.waiting, t, q.order)
	q.waiting = slices.Delete(q.waiting, at, at+1)
}

// settle says that a run which was taken out is where it belongs: in memory, or ended.
func (q *queue) settle(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byID, t.id)
	close(t.called)
}

// next takes the first run that fits out of the queue and counts it as going on.
func (q *queue) next() *ticket {
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

// leave gives back what a run held that has ended.
func (q *queue) leave(t *ticket, resting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(t, -1)
	if resting {
		q.running++ // it had been given back
	}
}

func (q *queue) find(id run.ID) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

// describe says why a run waits; nothing when it does not.
func (q *queue) describe(id run.ID) string {
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
	case t.key != "" && q.reading:
		return "it waits until the host has read back what was under way before its start; " + before
	case t.key != "" && q.going[t.key] >= t.limit:
		return fmt.Sprintf("it waits for its turn: %s under way with its pipeline's concurrency key, as many as may be at once; %s", runs(t.limit, "is", "are"), before)
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

// Queued is a run that waits for its turn.
type Queued struct {
	Run      run.ID
	Priority int
	Why      string
}

// Queue lists the runs that wait for their turn, in order, at most limit (0: all), and says whether it is paused.
func (e *Engine) Queue(limit int) (list []Queued, total int, paused bool) {
	q := e.queue
	q.mu.Lock()
	for _, t := range q.waiting {
		if limit > 0 && len(list) == limit {
			break
		}
		list = append(list, Queued{Run: t.id, Priority: t.priority})
	}
	total, paused = len(q.waiting), q.paused
	q.mu.Unlock()
	for k := range list {
		list[k].Why = q.describe(list[k].Run)
	}
	return list, total, paused
}

// PauseQueue pauses the queue, or lets it go on. Runs that are under way go on.
func (e *Engine) PauseQueue(paused bool) {
	e.queue.mu.Lock()
	e.queue.paused = paused
	e.queue.mu.Unlock()
	e.pump()
}

// Hold begins no run and no attempt as long as why says, for people, what is in the way; empty: nothing is. Attempts
// under way finish, and runs may be submitted.
func (e *Engine) Hold(why string) {
	q := e.queue
	q.mu.Lock()
	was := q.held
	q.held = why
	q.mu.Unlock()
	switch {
	case why == was:
		return
	case why == "":
		e.cfg.Log.Info("new work begins again")
	case was == "":
		e.cfg.Log.Warn("no new work begins", "why", why)
	}
	e.slots.hold(why)
	if e.cfg.Placer != nil {
		e.cfg.Placer.Hold(why)
	}
	e.pump()
}

// Reading says that runs which were under way before a restart are being adopted, or that all have been. Meanwhile no
// new run with a concurrency key begins: it could be one too many.
func (e *Engine) Reading(on bool) {
	e.queue.mu.Lock()
	e.queue.reading = on
	e.queue.mu.Unlock()
	e.pump()
}

// pump lets runs of the queue go on as long as there is room.
func (e *Engine) pump() {
	for {
		if !e.begin() {
			return
		}
		t := e.queue.next()
		if t == nil {
			e.done()
			return
		}
		go func() {
			defer e.done()
			e.call(t)
		}()
	}
}

// call begins a run that has left the queue.
func (e *Engine) call(t *ticket) {
	was, err := e.take(context.Background(), t.id, func(l *live) (message, error) {
		if l.state.Status != run.Created {
			return nil, endedAs(t.id, l.state.Status)
		}
		l.ticket = t
		return tell(run.Event{Kind: run.RunStarted, Deadline: after(e.cfg.Now(), l.pipe.Timeout)}), nil
	})
	e.queue.settle(t)
	if err == nil && !was {
		return
	}
	e.queue.leave(t, false)
	if err != nil && !errors.Is(err, ErrEnded) && !errors.Is(err, ErrClosed) && !errors.Is(err, store.ErrClosed) {
		e.cfg.Log.Error("run not begun", "run", t.id, "error", err)
	}
	e.pump()
}

// Enqueue takes a run of the journal that has not begun into the queue again, after a restart.
func (e *Engine) Enqueue(ctx context.Context, id run.ID) error {
	stored, err := e.cfg.Journal.Read(ctx, string(id), 0, 0)
	if err != nil {
		return err
	}
	t := &ticket{id: id, place: string(id)}
	for _, s := range stored {
		ev, err := run.Decode(s.Data)
		if err != nil {
			return fmt.Errorf("%s: event %d: %w", id, s.Seq, err)
		}
		switch ev.Kind {
		case run.RunCreated:
			if !ev.Queued {
				return fmt.Errorf("%s has begun: %w", id, ErrNotResumable)
			}
			t.priority, t.key, t.limit = ev.Priority, ev.Concurrency, ev.Limit
		case run.RunPrioritized:
			t.priority, t.place = ev.Priority, cmp.Or(ev.Place, string(id))
		case run.RunStarted:
			return e.Adopt(ctx, id)
		default:
		}
	}
	e.queue.push(t)
	e.pump()
	return nil
}

// Prioritize changes a run's priority: its place in the queue, and whose tasks go first once it goes on.
func (e *Engine) Prioritize(ctx context.Context, id run.ID, priority int, by string) error {
	ev := run.Event{Kind: run.RunPrioritized, Priority: priority, Owner: by}
	t := e.queue.take(id)
	if t == nil {
		return e.ask(ctx, id, func(p *pass) error {
			p.add(ev)
			for _, i := range p.l.wanting() {
				p.want(i, p.l.node(i.Node), priority+p.l.node(i.Node).Priority)
			}
			return nil
		})
	}
	return e.replace(ctx, t, ev)
}

// replace puts a run that was taken out of the queue into it again, where the event says once it is durable.
func (e *Engine) replace(ctx context.Context, t *ticket, ev run.Event) error {
	err := e.record(ctx, t.id, ev)
	if err == nil {
		t.priority, t.place = ev.Priority, cmp.Or(ev.Place, string(t.id))
	}
	e.queue.push(t)
	e.pump()
	return err
}

// record records events of a run that is in the queue, and so in no memory.
func (e *Engine) record(ctx context.Context, id run.ID, events ...run.Event) error {
	e.taking.Lock()
	defer e.taking.Unlock()
	l, err := e.read(ctx, id)
	if err != nil {
		return err
	}
	p := &pass{e: e, l: l, now: e.cfg.Now(), first: l.state.Seq}
	for _, ev := range events {
		p.add(ev)
	}
	p.head = true
	return p.commit()
}
