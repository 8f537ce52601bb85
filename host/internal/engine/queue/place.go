package queue

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// ErrNotQueued says that a run does not wait for its turn here.
var ErrNotQueued = errors.New("it does not wait in the queue")

// First says whether the run goes on before all others.
func (q *Queue) First(id run.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0 && q.waiting[0].ID == id
}

// Beside gives the priority and a place right before a run that waits, or right behind it; without one, before all.
func (q *Queue) Beside(other run.ID, behind bool) (priority int, place string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.IndexFunc(q.waiting, func(t *Ticket) bool { return other == "" || t.ID == other })
	if at < 0 {
		return 0, "", fmt.Errorf("%s: %w", other, ErrNotQueued)
	}
	one := q.waiting[at]
	// edge is the place of the next one on a side; none where others have another priority.
	edge := func(k int) string {
		if k < 0 || k == len(q.waiting) || q.waiting[k].Priority != one.Priority {
			return ""
		}
		return q.waiting[k].Place
	}
	if behind {
		return one.Priority, between(one.Place, edge(at+1)), nil
	}
	return one.Priority, between(edge(at-1), one.Place), nil
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
