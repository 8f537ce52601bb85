// Package progress shows how a run is going: live bars on a terminal, plain lines elsewhere. It is told of changes
// and reports as data, with their times, and knows nothing of engines, journals or HTTP.
package progress

import "time"

// Change says that a node, or one instance of it, came into a state.
type Change struct {
	Node string
	// Key is the for_each key as written in an address, or empty.
	Key string
	// State is one of the node states, or empty when only Total is told.
	State   string
	Attempt int
	Time    time.Time
	// Error is why it failed, for states that fail.
	Error string
	// Total is how many instances the node has, once that is known; 0 says nothing.
	Total int
}

// Report is what a node instance says while working. A negative Fraction is unknown.
type Report struct {
	Node, Key string
	Fraction  float64
	Message   string
}

// Display shows a run. It is safe for concurrent use.
type Display interface {
	Change(c Change)
	Report(r Report)
	// Note shows a line for the person among the rest.
	Note(line string)
	// Close shows the last state and leaves the terminal as it was.
	Close()
}

// The node states that the board tells apart.
const (
	pending   = "pending"
	running   = "running"
	succeeded = "succeeded"
	failed    = "failed"
	skipped   = "skipped"
	cancelled = "cancelled"
	cached    = "cached"
	backoff   = "backoff"
)

func terminal(state string) bool {
	switch state {
	case succeeded, failed, skipped, cancelled, cached:
		return true
	}
	return false
}

// working says whether an executor has it: the states between pending and the end.
func working(state string) bool {
	return state == running || state == "placed" || state == "queued" || state == "cancelling"
}

// board is every node of the run in the order of the pipeline, fan-outs gathered into one row.
type board struct {
	rows   []*row
	byName map[string]*row
	start  time.Time
}

type row struct {
	name      string
	total     int // instances; 0 until known
	instances map[string]*instance
	newest    *instance // that reported last
	started   time.Time
	ended     time.Time
	// counts of instances by what became of them
	done, failed, skipped int
	err                   string
}

type instance struct {
	key      string
	state    string
	attempt  int
	started  time.Time
	fraction float64
	message  string
}

// newBoard begins with what is known: changes without a state only name their node.
func newBoard(known []Change, start time.Time) *board {
	b := &board{byName: map[string]*row{}, start: start}
	for _, c := range known {
		b.change(c)
	}
	return b
}

func (b *board) row(name string) *row {
	r := b.byName[name]
	if r == nil {
		r = &row{name: name, instances: map[string]*instance{}}
		b.byName[name], b.rows = r, append(b.rows, r)
	}
	return r
}

func (r *row) instance(key string) *instance {
	i := r.instances[key]
	if i == nil {
		i = &instance{key: key, state: pending}
		r.instances[key] = i
	}
	return i
}

func (b *board) change(c Change) {
	r := b.row(c.Node)
	if c.Total > 0 {
		r.total = c.Total
	}
	if c.State == "" {
		return
	}
	i := r.instance(c.Key)
	r.count(i.state, -1)
	i.state, i.attempt = c.State, c.Attempt
	r.count(i.state, 1)
	switch {
	case working(c.State):
		if r.started.IsZero() {
			r.started = c.Time
		}
		if i.started.IsZero() || c.State == running {
			i.started, i.fraction, i.message = c.Time, 0, "" // why it waited is over
		}
		r.ended = time.Time{}
	case terminal(c.State):
		i.fraction, i.message = 1, ""
		r.ended = c.Time
		if c.Error != "" {
			r.err = c.Error
		}
	}
}

func (r *row) count(state string, n int) {
	if terminal(state) {
		r.done += n
	}
	switch state {
	case failed:
		r.failed += n
	case skipped:
		r.skipped += n
	}
}

func (b *board) report(rep Report) {
	r := b.row(rep.Node)
	i := r.instance(rep.Key)
	if terminal(i.state) {
		return // a late word
	}
	if rep.Fraction >= 0 {
		i.fraction = min(rep.Fraction, 1)
	}
	if rep.Message != "" {
		i.message = rep.Message
	}
	r.newest = i
}

// size is how many instances the row counts on.
func (r *row) size() int { return max(r.total, len(r.instances), 1) }

// state of the whole row.
func (r *row) state() string {
	switch {
	case r.failed > 0:
		return failed
	case r.done == r.size() && r.skipped == r.done:
		return skipped
	case r.done == r.size():
		for _, i := range r.instances {
			if i.state == cancelled {
				return cancelled
			}
		}
		return succeeded
	case !r.started.IsZero():
		return running
	}
	return pending
}

// fraction done of the whole row.
func (r *row) fraction() float64 {
	sum := 0.0
	for _, i := range r.instances {
		sum += i.fraction
	}
	return sum / float64(r.size())
}

// message is what the row is about now: the newest report of an instance that still works.
func (r *row) message() string {
	i := r.newest
	if i == nil || terminal(i.state) {
		i = nil
		for _, other := range r.instances {
			if working(other.state) && other.message != "" && (i == nil || other.started.After(i.started)) {
				i = other
			}
		}
	}
	for _, other := range r.instances {
		if other.state == backoff {
			return other.key + " failed, tries again"
		}
	}
	if i == nil {
		return ""
	}
	if i.key != "" && i.message != "" {
		return i.key + " " + i.message
	}
	return i.message
}

// took is how long the row has worked.
func (r *row) took(now time.Time) time.Duration {
	switch {
	case r.started.IsZero():
		return 0
	case r.ended.IsZero() || r.done < r.size():
		return now.Sub(r.started)
	}
	return r.ended.Sub(r.started)
}
