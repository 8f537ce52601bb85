// Package hub tells many readers what happens to runs. It owns topics (what can be followed: a run's events and reports, a
// job's status, the list of runs), lines (one reader each, with its subscriptions) and batches (what is said at once). Each
// topic reads the journal once, however many follow it, and shares what it says among them.
//
// A hub waits for nobody. What is said goes into a line's queue; a line whose queue holds more than Backlog is cut, or, when
// it is patient, reads again from the journal at its own pace. Nothing of HTTP is in here.
package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Bounds of what is kept and how often is spoken.
const (
	// Backlog is how many bytes may wait for one line.
	Backlog = 1 << 20

	perLine  = 30 * time.Microsecond // about what it takes to send one batch to one line
	longest  = 50 * time.Millisecond // that a batch waits for more to come
	page     = 100                   // events read at once
	maxSaid  = 500                   // reports in one batch; of more the oldest go
	overhead = 96                    // bytes of a message beside its data, about
)

// Live gives what nodes say while they work.
type Live interface {
	// Reports gives the newest progress of each node, then reports as they come, until ctx ends. A slow reader loses
	// the oldest.
	Reports(ctx context.Context, run string) <-chan client.Report
	// Newest gives the newest progress of each node of a run.
	Newest(run string) []client.Report
}

// Config is where a hub has things from.
type Config struct {
	Journal store.Journal
	Index   store.Index
	Live    Live
	// Show gives a run whole; Summary, as lists have it.
	Show    func(ctx context.Context, id string) (client.Run, error)
	Summary func(store.Head) client.Run
	// Job gives a run as the first MySpinBot's programs know it.
	Job func(ctx context.Context, id string) (client.Job, error)
	// Problem makes an error what is said of it.
	Problem func(error) *client.Problem
}

// Hub is where lines subscribe.
type Hub struct {
	cfg     Config
	closing context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	topics map[Target]*topic
	due    time.Time // when what was said last will have been sent, about
}

// Kind is what a subscription follows.
type Kind int

// The kinds of subscriptions.
const (
	Run  Kind = iota // a run's events and reports
	Job              // a run's status and progress
	Runs             // state changes of all runs
)

// Target names what is followed: a kind, and the whole id of a run unless it is Runs.
type Target struct {
	Kind Kind
	ID   string
}

// New makes a hub. Close ends it.
func New(cfg Config) *Hub {
	h := &Hub{cfg: cfg, topics: map[Target]*topic{}}
	h.closing, h.stop = context.WithCancel(context.Background())
	return h
}

// Close ends every topic and waits for them; lines get nothing more.
func (h *Hub) Close() {
	h.mu.Lock()
	h.stop()
	h.mu.Unlock()
	h.running.Wait()
}

// run begins a topic's goroutine, unless the hub is closed.
func (h *Hub) run(follow func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing.Err() != nil {
		return store.ErrClosed
	}
	h.running.Go(follow)
	return nil
}

// Changed tells that a run's state has changed, or what it asks people, to those that follow the list. It does not block.
func (h *Hub) Changed(run string) { h.dirty(run, true) }

// Heard tells that something was recorded of a run, of which nobody knows whether its state has changed: another host of the
// store did it. Of "": something may have been recorded of any. It does not block.
func (h *Hub) Heard(run string) { h.dirty(run, false) }

func (h *Hub) dirty(run string, sure bool) {
	h.mu.Lock()
	t := h.topics[Target{Kind: Runs}]
	h.mu.Unlock()
	if t == nil {
		return
	}
	t.mu.Lock()
	t.dirty[run] = t.dirty[run] || sure
	t.mu.Unlock()
	poke(t.poked)
}

// topic gives the topic of a target, with one more that refers to it.
func (h *Hub) topic(of Target) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[of]
	if t == nil {
		t = newTopic(h, of)
		h.topics[of] = t
	}
	t.refs++
	return t
}

// release takes one reference back; the last one ends the topic.
func (h *Hub) release(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.refs--; t.refs > 0 {
		return
	}
	t.cancel()
	if h.topics[t.of] == t {
		delete(h.topics, t.of)
	}
}

// forget has the next one who subscribes make the topic anew: this one broke.
func (h *Hub) forget(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[t.of] == t {
		delete(h.topics, t.of)
	}
}

// index gives a run's row in the index.
func (h *Hub) index(ctx context.Context, run string) (store.Head, error) {
	heads, err := h.cfg.Index.List(ctx, store.Query{Prefix: run, Limit: 1})
	if err == nil && (len(heads) == 0 || heads[0].Run != run) {
		err = missing(run)
	}
	if err != nil {
		return store.Head{}, err
	}
	return heads[0], nil
}

// Reaches refuses the number of an event that a run does not have: whoever named it has mistaken the run, or would wait for what
// comes twice.
func (h *Hub) Reaches(ctx context.Context, run string, after uint64) error {
	if after == 0 {
		return nil
	}
	head, err := h.index(ctx, run)
	if err != nil || after <= head.Seq {
		return err
	}
	if events, err := h.cfg.Journal.Read(ctx, run, after-1, 1); err != nil || len(events) > 0 { // the row of the index may be behind
		return err
	}
	return &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("after %d: the last event of %s is %d", after, run, head.Seq),
		Fix: "name the number of the last event that you have, or leave after out"}
}

func missing(run string) error {
	return &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("no run %.64q", run), Fix: "spinbot runs lists them; give the whole id"}
}

// turn says how long to wait before saying something to so many lines. While little is said that is no time at all;
// the more has been said just now, the longer, so that more of what happens goes out at once.
func (h *Hub) turn(lines int, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.due.Before(now) {
		h.due = now
	}
	wait := h.due.Sub(now)
	h.due = h.due.Add(time.Duration(lines) * perLine)
	if last := now.Add(longest); h.due.After(last) {
		h.due = last
	}
	return wait
}

// problem is the batch that tells of an error; of names the subscription that it ends.
func (h *Hub) problem(of Target, err error) *Batch {
	m := client.Message{Type: client.MessageError}
	m.Data, _ = json.Marshal(h.cfg.Problem(err)) // strings and a number
	switch of.Kind {
	case Run:
		m.RunID = of.ID
	case Job:
		m.JobID = of.ID
	case Runs: // of none
	}
	return newBatch(of, m)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look anyway
	}
}
