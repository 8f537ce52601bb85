package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// ErrNotQueued says that a run does not wait for its turn here.
var ErrNotQueued = errors.New("it does not wait in the queue")

// Move puts a run that waits right before another one, or right behind it, or, without another, before all. It gets the priority of the
// one beside it. ErrNotQueued.
func (e *Engine) Move(ctx context.Context, id, other run.ID, behind bool, by string) error {
	q := e.queue
	q.moves.Lock()
	defer q.moves.Unlock()
	if other == "" && q.first(id) {
		return nil
	}
	t := q.take(id)
	if t == nil {
		return fmt.Errorf("%s: %w", id, ErrNotQueued)
	}
	ev := run.Event{Kind: run.RunPrioritized, Owner: by}
	var err error
	if ev.Priority, ev.Place, err = q.beside(other, behind); err != nil {
		q.push(t)
		e.pump()
		return err
	}
	return e.replace(ctx, t, ev)
}

func (q *queue) first(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0 && q.waiting[0].id == id
}

// beside gives the priority and a place right before a run that waits, or right behind it; without one, before all.
func (q *queue) beside(other run.ID, behind bool) (priority int, place string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.IndexFunc(q.waiting, func(t *ticket) bool { return other == "" || t.id == other })
	if at < 0 {
		return 0, "", fmt.Errorf("%s: %w", other, ErrNotQueued)
	}
	one := q.waiting[at]
	// edge is the place of the next one on a side; none where others have another priority.
	edge := func(k int) string {
		if k < 0 || k == len(q.waiting) || q.waiting[k].priority != one.priority {
			return ""
		}
		return q.waiting[k].place
	}
	if behind {
		return one.priority, between(one.place, edge(at+1)), nil
	}
	return one.priority, between(edge(at-1), one.place), nil
}

// The bytes that places are made of, beside those of ids, which lie between the two. No place ends with the lowest: there is always room
// before it.
const lowest, highest = '-', 'z'

// between gives a text that sorts after low and before high; an empty high is above all. When there is none it gives low.
func between(low, high string) string {
	if high != "" {
		if high = strings.TrimRight(high, string(lowest)); low >= high {
			return low
		}
	}
	var out []byte
	for k := 0; ; k++ {
		a, b := byte(lowest), byte(highest+1)
		if k < len(low) {
			a = low[k]
		}
		if high != "" {
			b = high[k] // there is one: so far both are the same, and high ends with another byte
		}
		if b > a+1 {
			return string(append(out, a+(b-a)/2))
		}
		if out = append(out, a); a < b {
			high = ""
		}
	}
}
