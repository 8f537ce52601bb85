package lead

import (
	"cmp"
	"maps"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// Owner is one host's end: what its attempts want of the leader, and have. One goroutine owns it.
type Owner struct {
	host    string
	session int64
	leader  string
	epoch   int64
	n       int64
	whole   bool // the leader has to be told all
	changes []Change
	tasks   map[string]*mine
	seq     uint64
	board   Board
	reasons map[string]Waits // those of board
}

// mine is an attempt of this host.
type mine struct {
	task  placement.Task
	given *placement.Given // nil: it waits
	seq   uint64           // when it came
}

// NewOwner makes a host's end. session is above those of the host's earlier processes.
func NewOwner(host string, session int64) *Owner {
	return &Owner{host: host, session: session, tasks: map[string]*mine{}}
}

// Want enters an attempt that waits. One that waits already may have become another; one that has what it wants is left alone.
func (o *Owner) Want(t placement.Task) {
	m := o.tasks[t.ID]
	if m == nil {
		m = o.enter(t)
	}
	if m.given == nil {
		m.task = t
		o.changes = append(o.changes, Change{Want: &t})
	}
}

// Hold enters an attempt that has been given something already.
func (o *Owner) Hold(t placement.Task, g placement.Given) {
	m := o.tasks[t.ID]
	if m == nil {
		m = o.enter(t)
	}
	if m.given == nil {
		m.task, m.given = t, &g
		o.changes = append(o.changes, Change{Held: &Held{t, g}})
	}
}

func (o *Owner) enter(t placement.Task) *mine {
	o.seq++
	m := &mine{task: t, seq: o.seq}
	o.tasks[t.ID] = m
	return m
}

// Done takes an attempt out: it waits no more, or gives back what it has.
func (o *Owner) Done(d Done) {
	if o.tasks[d.ID] != nil {
		delete(o.tasks, d.ID)
		o.changes = append(o.changes, Change{Done: &d})
	}
}

// Follow says who leads, and since which epoch. An earlier epoch than is known counts for nothing.
func (o *Owner) Follow(leader string, epoch int64) {
	if epoch > o.epoch {
		o.leader, o.epoch, o.whole = leader, epoch, true
		o.board, o.reasons = Board{}, nil
	}
}

// Leader says who leads, and at which epoch; 0: nobody knows.
func (o *Owner) Leader() (host string, epoch int64) { return o.leader, o.epoch }

// Hear takes in what a leader says. It gives what attempts have got, each once, and those that have to give it back.
func (o *Owner) Hear(a Answer) (given []placement.Assignment, yield []string) {
	o.Follow(a.Leader, a.Epoch)
	switch {
	case a.Epoch < o.epoch:
		return nil, nil
	case a.Session > o.session: // the clock has been set back since an earlier process began
		o.session, o.whole = a.Session+1, true
	}
	if a.Board != nil {
		o.board, o.reasons = *a.Board, make(map[string]Waits, len(a.Board.Waiting))
		for _, w := range a.Board.Waiting {
			o.reasons[w.ID] = w
		}
	}
	if o.whole = o.whole || a.Again; a.Session != o.session {
		return nil, nil
	}
	for _, x := range a.Given {
		m := o.tasks[x.Task.ID]
		if m == nil || m.given != nil { // the leader is being told so, or has told it twice
			continue
		}
		x.Task = m.task
		m.given = &placement.Given{Agent: x.Agent, Devices: x.Devices, Memory: m.task.Request.Memory, Warm: x.Warm}
		o.changes = append(o.changes, Change{Took: x.Task.ID})
		given = append(given, x)
	}
	for _, id := range a.Yield {
		if m := o.tasks[id]; m != nil && m.given != nil {
			yield = append(yield, id)
		}
	}
	return given, yield
}

// Ask gives what the leader has not been told. There is something when it says so; without it is a sign of life, by which the
// leader notices what it has missed.
func (o *Owner) Ask() (ask Ask, something bool) {
	if something = o.epoch > 0 && (o.whole || len(o.changes) > 0); something {
		o.n++
	}
	ask = Ask{Host: o.host, Session: o.session, Epoch: o.epoch, N: o.n, Whole: something && o.whole}
	switch {
	case ask.Whole:
		ask.Changes = o.all()
	case something:
		ask.Changes = o.changes
	default:
		return ask, false
	}
	o.whole, o.changes = false, nil
	return ask, true
}

// all tells everything, in the order in which it came.
func (o *Owner) all() []Change {
	out := make([]Change, 0, len(o.tasks))
	for _, m := range slices.SortedFunc(maps.Values(o.tasks), func(x, y *mine) int { return cmp.Compare(x.seq, y.seq) }) {
		if m.given != nil {
			out = append(out, Change{Held: &Held{m.task, *m.given}})
		} else {
			out = append(out, Change{Want: &m.task})
		}
	}
	return out
}

// Why says why an attempt waits, of whichever host it is; nothing when nobody knows of it.
func (o *Owner) Why(id string) Waits {
	if w, ok := o.reasons[id]; ok {
		return w
	}
	m := o.tasks[id]
	switch {
	case m == nil || m.given != nil:
		return Waits{}
	case o.epoch == 0:
		return Waits{ID: id, Why: "it waits for the host that places tasks for all, and none has been heard of yet"}
	case o.board.Rest != "":
		return Waits{ID: id, Why: o.board.Rest}
	}
	return Waits{ID: id, Why: "host " + o.leader + " places tasks for all hosts, and has not said yet why it waits; it has to be in the same fleet"}
}

// Waiting lists the attempts of all hosts that wait, in the order in which they go as far as that is known.
func (o *Owner) Waiting() (ids []string) {
	for _, w := range o.board.Waiting {
		if m := o.tasks[w.ID]; m == nil || m.given == nil { // else the board is late
			ids = append(ids, w.ID)
		}
	}
	for _, m := range slices.SortedFunc(maps.Values(o.tasks), func(x, y *mine) int { return cmp.Compare(x.seq, y.seq) }) {
		if _, listed := o.reasons[m.task.ID]; !listed && m.given == nil {
			ids = append(ids, m.task.ID)
		}
	}
	return ids
}
