package hub

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// topic is one thing that lines follow. A goroutine of its own looks at what has changed, and tells all that are live.
type topic struct {
	hub    *Hub
	of     Target
	refs   int // guarded by hub.mu
	ctx    context.Context
	cancel context.CancelFunc
	poked  chan struct{}
	once   sync.Once
	known  map[string]string // of the list: the states that were told last, of runs that go on; the goroutine's own

	showing sync.Mutex // one makes the snapshot for all
	shown   *Batch
	shownAt uint64

	mu    sync.Mutex
	err   error // why it broke
	live  map[*sub]bool
	joins map[*sub][]client.Report // of a run: who is not live yet, and what was reported since it subscribed
	head  uint64                   // of a run: the last event that those that are live were told
	ended bool                     // the run has ended: of a Run, there is nothing after head
	dirty map[string]bool          // of the list: runs that have changed, or (false) may have; "" may be any
	says  *Batch                   // of a job: what was said last
	rest  time.Time                // of a job or the list: it is not looked at again before
}

func newTopic(h *Hub, of Target) *topic {
	t := &topic{hub: h, of: of, poked: make(chan struct{}, 1), live: map[*sub]bool{}, joins: map[*sub][]client.Report{}, dirty: map[string]bool{}, known: map[string]string{}}
	t.ctx, t.cancel = context.WithCancel(h.closing)
	return t
}

// begin starts the topic, once; who comes meanwhile waits. It gives why there is no such thing.
func (t *topic) begin(ctx context.Context) error {
	t.once.Do(func() {
		if err := t.start(context.WithoutCancel(ctx)); err != nil {
			t.fail(err)
		}
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *topic) start(ctx context.Context) error {
	if t.of.Kind == Runs {
		t.ended = true // there is nothing to listen to
		return t.hub.run(func() { t.follow(nil, nil) })
	}
	changed := t.hub.cfg.Journal.Watch(t.ctx, t.of.ID) // before the head is read
	head, err := t.hub.index(ctx, t.of.ID)
	if err != nil {
		return err
	}
	t.head, t.ended = head.Seq, head.Ended()
	reports := t.listen()
	return t.hub.run(func() { t.follow(changed, reports) })
}

// listen gives what the run's nodes say; nil: it has ended, and they say nothing.
func (t *topic) listen() <-chan client.Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	return t.hub.cfg.Live.Reports(t.ctx, t.of.ID)
}

// fail ends the topic for everybody.
func (t *topic) fail(err error) {
	t.hub.forget(t)
	t.cancel()
	t.mu.Lock()
	t.err = err
	all := t.live
	t.live = map[*sub]bool{}
	t.mu.Unlock()
	for s := range all {
		s.push(t.hub.problem(t.of, err))
		s.line.drop(s)
	}
}

// follow looks at what changes until the topic ends.
func (t *topic) follow(changed <-chan struct{}, reports <-chan client.Report) {
	var said []client.Report
	var events, armed bool
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case _, open := <-changed:
			if !open {
				if t.ctx.Err() == nil {
					t.fail(store.ErrClosed)
				}
				return
			}
			events = true
		case <-t.poked:
			events = true
		case r, open := <-reports:
			if !open {
				reports = nil
				continue
			}
			said = add(said, r)
		case <-timer.C:
			armed = false
			for waits := len(reports); waits > 0; waits-- { // what was said before an event goes out before it ends the run
				said = add(said, <-reports)
			}
			if !t.flush(events, said) {
				return
			}
			if events && reports == nil {
				reports = t.listen() // it may have been resumed
			}
			events, said = false, nil
		}
		if !armed && (events || len(said) > 0) {
			timer.Reset(t.pause())
			armed = true
		}
	}
}

// add adds a report to those that wait. Of a node's progress, and of each of its curves, only the newest counts.
func add(said []client.Report, r client.Report) []client.Report {
	if r.Kind == sdk.ReportProgress || r.Curve != nil {
		said = slices.DeleteFunc(said, func(e client.Report) bool {
			return e.Kind == r.Kind && (r.Curve == nil || e.Curve != nil && e.Curve.Name == r.Curve.Name) && e.Address.String() == r.Address.String()
		})
	}
	if len(said) >= maxSaid {
		said = said[1:]
	}
	return append(said, r)
}

// pause is how long to wait for more before it is told.
func (t *topic) pause() time.Duration {
	t.mu.Lock()
	n, rest := len(t.live), t.rest
	t.mu.Unlock()
	now := time.Now()
	return max(t.hub.turn(n, now), rest.Sub(now))
}

// flush tells what has changed, and says whether the topic goes on.
func (t *topic) flush(changed bool, said []client.Report) bool {
	var err error
	switch t.of.Kind {
	case Run:
		err = t.flushRun(changed, said)
	case Job:
		err = t.flushJob()
	case Runs:
		err = t.flushRuns()
	}
	if err != nil && t.ctx.Err() == nil {
		t.fail(err)
	}
	return err == nil
}

func (t *topic) flushRun(changed bool, said []client.Report) error {
	var head store.Head
	if changed {
		var err error
		if head, err = t.hub.index(t.ctx, t.of.ID); err != nil { // before the events: what it says of the end is not newer
			return err
		}
		for more := true; more; {
			b, err := t.read(t.ctx, t.head)
			if err != nil {
				return err
			}
			if b != nil {
				t.tell(b, b.Messages[len(b.Messages)-1].Seq)
			}
			more = b != nil && len(b.Messages) == page
		}
	}
	if b := t.reports(said); b != nil {
		t.tell(b, 0, said...)
	}
	if changed {
		t.end(head)
	}
	return nil
}

// tell tells all that are live; head is what they have then, 0: as before. What of it was said is kept for who is not live yet.
func (t *topic) tell(b *Batch, head uint64, said ...client.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = max(t.head, head)
	for s, held := range t.joins {
		for _, r := range said {
			held = add(held, r)
		}
		t.joins[s] = held
	}
	for s := range t.live {
		if !s.tell(b) {
			delete(t.live, s)
		}
	}
}

// end notes whether the run has ended, and if so takes leave of all that are live.
func (t *topic) end(head store.Head) {
	var all map[*sub]bool
	t.mu.Lock()
	if t.ended = head.Ended() && t.head >= head.Seq; t.ended {
		all, t.live = t.live, map[*sub]bool{}
	}
	t.mu.Unlock()
	b := t.reports(nil, t.last())
	for s := range all {
		s.push(b)
		s.line.drop(s)
	}
}

func (t *topic) last() client.Message {
	return client.Message{Type: client.MessageEnd, RunID: t.of.ID}
}

// read gives the next events after a number; nil: there are none.
func (t *topic) read(ctx context.Context, after uint64) (*Batch, error) {
	events, err := t.hub.cfg.Journal.Read(ctx, t.of.ID, after, page)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	messages := make([]client.Message, len(events))
	for k, e := range events {
		messages[k] = client.Message{Type: client.MessageEvent, RunID: e.Run, Seq: e.Seq, Data: e.Data}
	}
	return newBatch(t.of, messages...), nil
}

// reports tells what was said, and then more; nil: that is nothing.
func (t *topic) reports(said []client.Report, more ...client.Message) *Batch {
	var messages []client.Message
	for _, r := range said {
		if raw, err := json.Marshal(r); err == nil {
			messages = append(messages, client.Message{Type: client.MessageReport, RunID: t.of.ID, Data: raw})
		}
	}
	if messages = append(messages, more...); len(messages) == 0 {
		return nil
	}
	return newBatch(t.of, messages...)
}

// snapshot gives the run as it is, and where that is.
func (t *topic) snapshot(ctx context.Context) (*Batch, uint64, error) {
	t.showing.Lock()
	defer t.showing.Unlock()
	head, err := t.hub.index(ctx, t.of.ID)
	if err != nil {
		return nil, 0, err
	}
	if t.shown != nil && t.shownAt == head.Seq {
		return t.shown, t.shownAt, nil
	}
	run, err := t.hub.cfg.Show(ctx, t.of.ID)
	if err != nil {
		return nil, 0, err
	}
	raw, err := json.Marshal(run)
	if err != nil {
		return nil, 0, err
	}
	t.shown, t.shownAt = newBatch(t.of, client.Message{Type: client.MessageSnapshot, RunID: t.of.ID, Seq: run.Seq, Data: raw}), run.Seq
	return t.shown, run.Seq, nil
}

// joinAt makes a subscription live if it has all events that the others have. What it is told at once is the newest progress
// of each node and what was reported since it subscribed, or the end.
func (t *topic) joinAt(s *sub) (*Batch, bool) {
	t.mu.Lock()
	behind := t.err == nil && s.next <= t.head
	t.mu.Unlock()
	if behind {
		return nil, false
	}
	newest := t.hub.cfg.Live.Newest(t.of.ID) // before it is live: what it is told then is newer
	t.mu.Lock()
	err, ended, held := t.err, t.ended, t.joins[s]
	if behind = err == nil && s.next <= t.head; !behind && err == nil && !ended {
		delete(t.joins, s)
		t.add(s)
	}
	t.mu.Unlock()
	switch {
	case behind:
		return nil, false
	case err != nil:
		s.line.drop(s)
		return t.hub.problem(t.of, err), true
	case ended:
		s.line.drop(s)
		return t.reports(held, t.last()), true
	}
	for _, r := range held {
		newest = add(newest, r)
	}
	return t.reports(newest), true
}

// expect has a subscription miss no report until it is live.
func (t *topic) expect(s *sub) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.joins[s] = nil
}

// join makes a subscription to a job or to the list live.
func (t *topic) join(s *sub) {
	t.mu.Lock()
	if err := t.err; err != nil {
		t.mu.Unlock()
		s.push(t.hub.problem(t.of, err))
		s.line.drop(s)
		return
	}
	t.add(s)
	says := t.says
	if t.of.Kind == Runs {
		says = newBatch(t.of, client.Message{Type: client.MessageRuns})
	}
	if says != nil {
		s.said = says
		s.push(says)
	}
	t.mu.Unlock()
	poke(t.poked)
}

// add makes a subscription live unless it ended meanwhile. mu is held.
func (t *topic) add(s *sub) {
	s.line.mu.Lock()
	defer s.line.mu.Unlock()
	if s.line.catching = slices.DeleteFunc(s.line.catching, func(c *sub) bool { return c == s }); !s.gone {
		t.live[s] = true
	}
}

func (t *topic) leave(s *sub) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, s)
	delete(t.joins, s)
}
