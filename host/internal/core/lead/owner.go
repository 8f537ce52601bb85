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
	turn    uint64
	away    map[string]string
	moved   bool                   // away has changed since it was told
	got     []placement.Assignment // not taken yet
	yields  []string
	board   Board
	reasons map[string]Waits // those of board
}

// mine is an attempt of this host.
type mine struct {
	task  placement.Task
	given *placement.Given // nil: it waits
	turn  uint64           // when it came
}

// NewOwner makes a host's end. session is above those of the host's earlier processes.
func NewOwner(host string, session int64) *Owner {
	return &Owner{host: host, session: session, tasks: map[string]*mine{}}
}

// Want enters an attempt that waits. One that waits already may have become another; one that has what it wants is left alone.
func (o *Owner) Want(t placement.Task) {
	if m := o.enter(t); m.given == nil {
		m.task = t
		o.tell(Change{Want: &Want{m.turn, t}})
	}
}

// Hold enters an attempt that has been given something already.
func (o *Owner) Hold(t placement.Task, g placement.Given) {
	if m := o.enter(t); m.given == nil {
		m.task, m.given = t, &g
		o.tell(Change{Held: &Held{t, g}})
	}
}

func (o *Owner) enter(t placement.Task) *mine {
	m := o.tasks[t.ID]
	if m == nil {
		o.turn++
		m = &mine{task: t, turn: o.turn}
		o.tasks[t.ID] = m
	}
	return m
}

// Done takes an attempt out: it waits no more, or gives back what it has.
func (o *Owner) Done(d Done) {
	if o.tasks[d.ID] == nil {
		return
	}
	delete(o.tasks, d.ID)
	o.got = slices.DeleteFunc(o.got, func(a placement.Assignment) bool { return a.Task.ID == d.ID })
	o.yields = slices.DeleteFunc(o.yields, func(id string) bool { return id == d.ID })
	o.tell(Change{Done: &d})
}

// tell has the leader told of a change, unless it is to be told all.
func (o *Owner) tell(c Change) {
	if o.epoch > 0 && !o.whole {
		o.changes = append(o.changes, c)
	}
}

// Away says which agents people have taken out of use at this host, and why.
func (o *Owner) Away(agents map[string]string) {
	o.moved = o.moved || !maps.Equal(o.away, agents)
	o.away = maps.Clone(agents)
}

// Follow says who leads, and since which epoch; empty: nobody does. An earlier epoch than is known counts for nothing.
func (o *Owner) Follow(leader string, epoch int64) {
	if leader != "" && epoch > o.epoch {
		o.leader, o.epoch, o.whole, o.changes = leader, epoch, true, nil
		o.board, o.reasons = Board{}, nil
	}
}

// Leader says who leads, and at which epoch; 0: nobody knows.
func (o *Owner) Leader() (host string, epoch int64) { return o.leader, o.epoch }

// Hear takes in what a leader says.
func (o *Owner) Hear(a Answer) {
	o.Follow(a.Leader, a.Epoch)
	switch {
	case a.Epoch < o.epoch:
		return
	case a.Session > o.session: // the clock has been set back since an earlier process began
		o.session, o.whole = a.Session+1, true
	}
	if a.Board != nil {
		o.board, o.reasons = *a.Board, make(map[string]Waits, len(a.Board.Waiting))
		for _, w := range a.Board.Waiting {
			o.reasons[w.ID] = w
		}
	}
	if a.Again {
		o.whole = true
	}
	if a.Session != o.session {
		return
	}
	for _, g := range a.Given {
		m := o.tasks[g.ID]
		if m == nil || m.turn != g.Turn || m.given != nil { // the leader is being told so, or has told it twice
			continue
		}
		m.given = &placement.Given{Agent: g.Agent, Devices: g.Devices, Memory: m.task.Request.Memory, Warm: g.Warm}
		o.tell(Change{Took: g.ID})
		o.got = append(o.got, placement.Assignment{Task: m.task, Agent: g.Agent, Devices: g.Devices, Warm: g.Warm, Unload: g.Unload, Bypassed: g.Bypassed, Epoch: a.Epoch})
	}
	for _, id := range a.Yield {
		if m := o.tasks[id]; m != nil && m.given != nil && !slices.Contains(o.yields, id) {
			o.yields = append(o.yields, id)
		}
	}
}

// Take gives what attempts have got since it was asked last, and those that have to give back what they have.
func (o *Owner) Take() (given []placement.Assignment, yield []string) {
	given, yield = o.got, o.yields
	o.got, o.yields = nil, nil
	return given, yield
}

// Came says whether Take has something.
func (o *Owner) Came() bool { return len(o.got)+len(o.yields) > 0 }

// Ask gives what the leader has not been told. There is something when it says so; without it is a sign of life, by which the
// leader notices what it has missed.
func (o *Owner) Ask() (ask Ask, something bool) {
	if o.epoch == 0 {
		return ask, false
	}
	something = o.whole || o.moved || len(o.changes) > 0
	if o.whole || len(o.changes) > 0 {
		o.n++
	}
	ask = Ask{Host: o.host, Session: o.session, Epoch: o.epoch, N: o.n, Whole: o.whole, Changes: o.changes, Away: o.away}
	if o.whole {
		ask.Changes = o.all()
	}
	o.whole, o.moved, o.changes = false, false, nil
	return ask, something
}

// Leave gives what the leader is told last: this process wants nothing any more, and what agents work on its next one finds.
func (o *Owner) Leave() (ask Ask, something bool) {
	clear(o.tasks)
	o.whole = true
	return o.Ask()
}

// all tells everything, in the order in which it came.
func (o *Owner) all() []Change {
	out := make([]Change, 0, len(o.tasks))
	for _, m := range o.inOrder() {
		if m.given != nil {
			out = append(out, Change{Held: &Held{m.task, *m.given}})
		} else {
			out = append(out, Change{Want: &Want{m.turn, m.task}})
		}
	}
	return out
}

func (o *Owner) inOrder() []*mine {
	return slices.SortedFunc(maps.Values(o.tasks), func(x, y *mine) int { return cmp.Compare(x.turn, y.turn) })
}

// Why says why an attempt waits, of whichever host it is; nothing when nobody knows of it.
func (o *Owner) Why(id string) Waits {
	m := o.tasks[id]
	if m != nil && m.given != nil {
		return Waits{} // the board is late
	}
	w, listed := o.reasons[id]
	switch {
	case listed:
		return w
	case m == nil:
		return Waits{}
	case o.epoch == 0:
		return Waits{ID: id, Why: "no host is known yet that places tasks for all"}
	case o.board.Rest != "":
		return Waits{ID: id, Why: o.board.Rest}
	}
	return Waits{ID: id, Why: "host " + o.leader + " places tasks for all hosts, and has not said yet why this one waits; it has to be in the same fleet"}
}

// Waiting lists the attempts of all hosts that wait, in the order in which they go as far as that is known.
func (o *Owner) Waiting() (ids []string) {
	for _, w := range o.board.Waiting {
		if m := o.tasks[w.ID]; m == nil || m.given == nil {
			ids = append(ids, w.ID)
		}
	}
	for _, m := range o.inOrder() {
		if _, listed := o.reasons[m.task.ID]; !listed && m.given == nil {
			ids = append(ids, m.task.ID)
		}
	}
	return ids
}
