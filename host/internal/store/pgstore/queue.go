package pgstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// The bounds of one group: what is sent in one message, and held in memory on both sides.
const (
	maxGroup = 1024
	maxBytes = 16 << 20
)

// When many append at once a commit waits a little, so that it is not over for the few who were first. Whoever appends
// alone is not kept.
const (
	crowd     = 4 // items of one group after which the next waits
	gatherFor = time.Millisecond
)

// item is one append on its way.
type item struct {
	ctx   context.Context
	a     store.Append
	data  []byte // framed by its caller
	epoch int64  // of the run, as it was known when the group was made
	err   error
	done  chan struct{}
	then  func(error) // is told instead, when set, of an item that nobody waits for
}

// Append implements store.Journal.
func (s *Store) Append(ctx context.Context, a store.Append) error {
	if err := a.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: append: %w", a.Run, context.Cause(ctx))
	}
	it := &item{ctx: ctx, a: a, data: frame(a), done: make(chan struct{})}
	if err := s.enqueue(it); err != nil {
		return fmt.Errorf("%s: append: %w", a.Run, err)
	}
	select {
	case <-it.done:
	case <-ctx.Done():
		if s.withdraw(it) {
			return fmt.Errorf("%s: append: %w", a.Run, context.Cause(ctx))
		}
		<-it.done
	}
	return it.err
}

// Queue implements store.Queuer.
func (s *Store) Queue(a store.Append, done func(error)) {
	if err := a.Check(); err != nil {
		done(err)
		return
	}
	it := &item{ctx: context.Background(), a: a, data: frame(a), then: done}
	if err := s.enqueue(it); err != nil {
		it.finish(fmt.Errorf("%s: append: %w", a.Run, err))
	}
}

func (it *item) finish(err error) {
	if it.then != nil {
		it.then(err)
		return
	}
	it.err = err
	close(it.done)
}

func (s *Store) enqueue(it *item) error {
	s.queue.Lock()
	defer s.queue.Unlock()
	if s.queue.end != nil {
		return s.queue.end
	}
	s.queue.pending = append(s.queue.pending, it)
	if len(s.queue.pending) == 1 {
		poke(s.wake)
	}
	if len(s.queue.pending) == s.queue.want {
		poke(s.full)
	}
	return nil
}

// withdraw takes back what is not being written yet.
func (s *Store) withdraw(it *item) bool {
	s.queue.Lock()
	defer s.queue.Unlock()
	i := slices.Index(s.queue.pending, it)
	if i < 0 {
		return false
	}
	s.queue.pending = slices.Delete(s.queue.pending, i, i+1)
	return true
}

// gather waits until n items are pending, for gatherFor at most.
func (s *Store) gather(n int) {
	want := func(n int) bool {
		s.queue.Lock()
		defer s.queue.Unlock()
		s.queue.want = n
		return len(s.queue.pending) >= n
	}
	if !want(n) {
		select {
		case <-s.full:
		case <-time.After(gatherFor):
		}
	}
	want(0)
	select {
	case <-s.full: // it came too late
	default:
	}
}

// take gives the next group, in order of runs, each run once; what it leaves stays pending, in order.
func (s *Store) take() ([]*item, error) {
	s.queue.Lock()
	defer s.queue.Unlock()
	var group, rest []*item
	runs := make(map[string]bool, len(s.queue.pending))
	bytes := 0
	for _, it := range s.queue.pending {
		if runs[it.a.Run] || len(group) == maxGroup || len(group) > 0 && bytes+len(it.data) > maxBytes {
			rest = append(rest, it)
			runs[it.a.Run] = true // what comes later of this run may not pass it
			continue
		}
		runs[it.a.Run] = true
		bytes += len(it.data)
		group = append(group, it)
	}
	if s.queue.pending = rest; len(rest) > 0 {
		poke(s.wake)
	}
	slices.SortFunc(group, func(a, b *item) int { return strings.Compare(a.a.Run, b.a.Run) }) // hosts lock rows in one order
	return group, s.queue.end
}
