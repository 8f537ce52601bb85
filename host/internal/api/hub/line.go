package hub

import (
	"context"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Line is one reader of a hub. One goroutine reads it, and one subscribes; they may be two.
type Line struct {
	hub  *Hub
	wake func()
	cut  func() // nil: the line is patient

	mu       sync.Mutex
	queue    []*Batch
	size     int // bytes in the queue
	subs     map[Target]*sub
	catching []*sub // those that are not live yet
	behind   bool   // it was cut
	closed   bool
}

// sub is one subscription of a line. What it is at is the reading goroutine's while it catches up, and guarded by
// the topic's mu once it is live.
type sub struct {
	line  *Line
	topic *topic
	next  uint64 // the number of the event that comes next
	// show: a snapshot comes first; skip: events begin behind it.
	show, skip bool
	said       *Batch // what it was told last of a job
	gone       bool   // guarded by line.mu
}

// Line gives a new line. wake is called when there is something to read, and cut when more than Backlog waits: from then
// on the line gets nothing. Both are called by whoever speaks, and must not block. A line without cut is patient: it follows
// one run, and when too much waits it loses reports, and reads events again.
func (h *Hub) Line(wake, cut func()) *Line {
	return &Line{hub: h, wake: wake, cut: cut, subs: map[Target]*sub{}}
}

// From says where a subscription to a run begins.
type From struct {
	Snapshot bool    // with the run as it is
	After    *uint64 // events after this number; nil: behind the snapshot
}

// Subscribe follows a target; from counts for a run. Who subscribes again begins again. An error concerns this
// subscription alone, and ends it if there was one before.
func (l *Line) Subscribe(ctx context.Context, of Target, from From) error {
	l.Unsubscribe(of)
	t := l.hub.topic(of)
	if err := t.begin(ctx); err != nil {
		l.hub.release(t)
		return err
	}
	if of.Kind == Run && from.After != nil {
		if err := l.hub.Reaches(ctx, of.ID, *from.After); err != nil {
			l.hub.release(t)
			return err
		}
	}
	s := &sub{line: l, topic: t, show: from.Snapshot, skip: from.After == nil, next: 1}
	if from.After != nil {
		s.next = *from.After + 1
	}
	if of.Kind == Run {
		t.expect(s)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		t.leave(s)
		l.hub.release(t)
		return context.Canceled
	}
	l.subs[of] = s
	if of.Kind == Run {
		l.catching = append(l.catching, s)
	}
	l.mu.Unlock()
	if of.Kind != Run {
		t.join(s)
	}
	l.wake()
	return nil
}

// Len is how many targets it follows.
func (l *Line) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.subs)
}

// Unsubscribe follows a target no longer: what waits of it is dropped. One that is not followed is no error.
func (l *Line) Unsubscribe(of Target) {
	l.mu.Lock()
	s := l.subs[of]
	if s != nil {
		s.gone = true
		delete(l.subs, of)
	}
	l.queue = slices.DeleteFunc(l.queue, func(b *Batch) bool {
		if b.of == of {
			l.size -= b.size
		}
		return b.of == of
	})
	l.mu.Unlock()
	if s != nil {
		l.let(s)
	}
}

// drop ends a subscription; what waits of it is still said. It must not be called with a topic's mu.
func (l *Line) drop(s *sub) {
	l.mu.Lock()
	was := s.gone
	if s.gone = true; !was {
		delete(l.subs, s.topic.of)
	}
	l.mu.Unlock()
	if !was {
		l.let(s)
	}
}

// let lets go of what a subscription held that has just gone.
func (l *Line) let(s *sub) {
	l.mu.Lock()
	l.catching = slices.DeleteFunc(l.catching, func(c *sub) bool { return c == s })
	l.mu.Unlock()
	s.topic.leave(s)
	l.hub.release(s.topic)
}

// Close ends all subscriptions.
func (l *Line) Close() {
	l.mu.Lock()
	l.closed, l.queue, l.size = true, nil, 0
	var all []*sub
	for _, s := range l.subs {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		l.drop(s)
	}
}

// Problem tells the reader of an error; of is the subscription that it concerns, the zero Target none.
func (l *Line) Problem(of Target, err error) { l.push(l.hub.problem(of, err), nil) }

// Next gives what comes next; nil: nothing yet. It blocks only to read the journal for a subscription that catches up.
// The error is ctx's.
func (l *Line) Next(ctx context.Context) (*Batch, error) {
	for {
		l.mu.Lock()
		if len(l.queue) > 0 {
			b := l.queue[0]
			l.queue[0] = nil
			if l.queue = l.queue[1:]; len(l.queue) == 0 {
				l.queue = nil
			}
			l.size -= b.size
			l.mu.Unlock()
			return b, nil
		}
		if len(l.catching) == 0 || l.closed || l.behind {
			l.mu.Unlock()
			return nil, nil
		}
		s := l.catching[0]
		l.catching = append(l.catching[1:], s) // in turn
		l.mu.Unlock()
		if b := s.step(ctx); b != nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// step takes a subscription one step further to being live, at the reader's own pace.
func (s *sub) step(ctx context.Context) *Batch {
	t := s.topic
	if s.show {
		s.show = false
		b, seq, err := t.snapshot(ctx)
		if err != nil {
			s.line.drop(s)
			return t.hub.problem(t.of, err)
		}
		if s.skip {
			s.next = seq + 1
		}
		return b
	}
	if b, joined := t.joinAt(s); joined {
		return b
	}
	b, err := t.read(ctx, s.next-1)
	if err == nil && b == nil { // there were some
		err = missing(t.of.ID)
	}
	if err != nil {
		s.line.drop(s)
		return t.hub.problem(t.of, err)
	}
	s.next = b.Messages[len(b.Messages)-1].Seq + 1
	return b
}

// push puts a batch into the queue, and says whether the subscription that it is for is still to be told more. nil: it is
// for none.
func (l *Line) push(b *Batch, s *sub) bool {
	l.mu.Lock()
	if l.closed || l.behind || s != nil && s.gone {
		l.mu.Unlock()
		return false
	}
	l.behind = l.cut != nil && l.size > 0 && l.size+b.size > Backlog
	fits, tell := !l.behind, l.wake
	if !fits {
		l.queue, l.size, tell = nil, 0, l.cut
	} else {
		l.queue, l.size = append(l.queue, b), l.size+b.size
	}
	l.mu.Unlock()
	tell()
	return fits
}

func (s *sub) push(b *Batch) bool { return s.line.push(b, s) }

// tell gives a live subscription of a run a batch, of which it may have a part already; it says whether it is still
// live. The topic's mu is held.
func (s *sub) tell(b *Batch) bool {
	if first := b.Messages[0]; first.Type == client.MessageEvent {
		if b = b.from(s.next); b == nil {
			return true
		}
	}
	if s.line.cut == nil && s.line.again(s, b) {
		return false
	}
	if last := b.Messages[len(b.Messages)-1]; last.Type == client.MessageEvent {
		s.next = last.Seq + 1
	}
	return s.push(b)
}

// again has a subscription catch up once more when a batch does not fit into the queue.
func (l *Line) again(s *sub, b *Batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.gone || l.size == 0 || l.size+b.size <= Backlog {
		return false
	}
	for _, waiting := range l.queue {
		if first := waiting.Messages[0]; first.Type == client.MessageEvent {
			s.next = first.Seq
			break
		}
	}
	l.queue, l.size = nil, 0
	l.catching = append(l.catching, s)
	return true
}
