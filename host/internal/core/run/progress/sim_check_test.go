package progress

import (
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// known is a node or an instance, and where it stood after the last event.
type known struct {
	node  *Node
	inst  *Instance
	state run.NodeState
}

func (k known) now() run.NodeState {
	if k.inst != nil {
		return k.inst.State
	}
	return k.node.State
}

func (k known) String() string {
	if k.inst != nil {
		return (&State{ID: "run_sim"}).Address(k.inst).String()
	}
	return fmt.Sprint(k.node.Frame.Path, "/", k.node.Name)
}

// learnFrame takes in what a frame and the modules in it hold.
func (m *sim) learnFrame(f *Frame) {
	for _, n := range f.Nodes {
		m.known = append(m.known, known{n, nil, n.State})
		for _, i := range n.Instances {
			m.known = append(m.known, known{n, i, i.State})
			for _, inside := range i.Frames {
				m.learnFrame(inside)
			}
		}
	}
}

// check holds the state to what must be true after an event.
func (m *sim) check(e run.Event, stale bool, was run.Status) {
	m.seen.kinds[e.Kind]++
	m.checkMoves(e, stale, was)
	m.learn(e)
	m.checkCounts(&m.s.Frame)
	if failed := m.failedWaiting(); m.s.failed != failed {
		m.fatalf("it counts %d instances that wait because they failed; there are %d", m.s.failed, failed)
	}
	if m.s.Status == run.Paused && !m.held() {
		m.fatalf("it is paused (%s), and nobody and nothing holds it", m.s.Reason)
	}
	if why := differ(m.s, m.replica); why != "" {
		m.fatalf("the state in memory is not what its journal gives: %s", why)
	}
}

// checkMoves looks at every node and instance: it may only have gone where Table says.
func (m *sim) checkMoves(e run.Event, stale bool, was run.Status) {
	if !run.Table.MayRun(was, m.s.Status) {
		m.fatalf("the run went from %s to %s", was, m.s.Status)
	}
	m.seen.run(was, m.s.Status)
	if stale && was != m.s.Status {
		m.fatalf("a stale event took the run from %s to %s", was, m.s.Status)
	}
	for x := range m.known {
		k := &m.known[x]
		to := k.now()
		if to == k.state {
			continue
		}
		switch {
		case stale:
			m.fatalf("a stale event took %s from %s to %s", k, k.state, to)
		case !run.Table.MayNode(k.state, to):
			m.fatalf("%s went from %s to %s", k, k.state, to)
		case k.inst != nil && e.Kind == run.CancelRequested && !e.Key.IsZero() && k.inst.Key != e.Key && k.inst.Node == m.s.Find(e.In, e.Node):
			m.fatalf("%s is %s, and another instance was cancelled", k, to)
		case k.state.Ended() && !slices.Contains([]run.Kind{run.RunResumed, run.RunContinued, run.NodeDecided}, e.Kind):
			m.fatalf("%s had ended as %s, and is %s", k, k.state, to)
		}
		m.seen.node(k.state, to)
		if k.inst != nil {
			m.checkResult(e, k.inst)
		} else if to.Ended() {
			m.checkClosed(k.node)
		}
		k.state = to
	}
}

// learn takes in the nodes and instances that an event brought about.
func (m *sim) learn(e run.Event) {
	switch e.Kind {
	case run.NodeExpanded:
		for _, i := range m.s.Find(e.In, e.Node).Instances {
			m.known = append(m.known, known{i.Node, i, i.State})
		}
	case run.ModuleOpened:
		m.learnFrame(m.s.Find(e.In, e.Node).Instance(e.Key).Inside())
	default:
	}
}

// checkResult: outputs are of the attempt that counts, or what a person, a cache or a gate said.
func (m *sim) checkResult(e run.Event, i *Instance) {
	switch {
	case i.State == run.NodeSucceeded && e.Kind == run.AttemptEnded:
		want := m.s.Address(i).String()
		if by := i.Outputs["by"]; by != want && i.OutputsRef != want || i.Iter != e.Iter || i.Attempt != e.Attempt {
			m.fatalf("%s has outputs %v%s of another attempt", want, by, i.OutputsRef)
		}
	case i.State == run.NodeSucceeded && i.Node.Module != nil && e.Kind == run.ModuleEnded:
		for _, n := range i.Inside().Nodes {
			if n.State != run.NodeSucceeded && n.State != run.NodeSkipped {
				m.fatalf("module %s succeeded, and in it %s is %s", m.s.Address(i), n.Name, n.State)
			}
		}
	case i.State != run.NodeSucceeded && i.State != run.NodeCached && i.Values() != nil:
		m.fatalf("%s is %s and has outputs", m.s.Address(i), i.State)
	}
}

// checkCounts compares what is counted with what there is.
func (m *sim) checkCounts(f *Frame) (running int) {
	open := 0
	for _, n := range f.Nodes {
		if !n.State.Ended() {
			open++
		}
		if n.State.Ended() == n.Ended.IsZero() || len(n.Instances) > 0 && n.Started.IsZero() {
			m.fatalf("%s/%s is %s, started %v, ended %v", f.Path, n.Name, n.State, n.Started, n.Ended)
		}
		unmet := 0
		for _, need := range n.Needs {
			if !f.byName[need].State.Ended() {
				unmet++
			}
		}
		if n.State == run.NodePending && n.unmet != unmet {
			m.fatalf("%s counts %d needs that have not ended; there are %d", n.Name, n.unmet, unmet)
		}
		running += m.checkInstances(n)
	}
	if f.open != open {
		m.fatalf("frame %q counts %d nodes that have not ended; there are %d", f.Path, f.open, open)
	}
	if f.running != running {
		m.fatalf("frame %q counts %d attempts under way; there are %d", f.Path, f.running, running)
	}
	return running
}

func (m *sim) checkInstances(n *Node) (running int) {
	open := 0
	for _, i := range n.Instances {
		if !i.State.Ended() {
			open++
		}
		if i.State.Ended() == i.Ended.IsZero() || i.Attempt > 0 && i.Iter < 2 && i.Started.IsZero() || i.Started.After(m.now) {
			m.fatalf("%s is %s, started %v, ended %v", m.s.Address(i), i.State, i.Started, i.Ended)
		}
		if i.State == run.NodeRunning && n.State != run.NodeRunning {
			m.fatalf("%s is running, and its node is %s", m.s.Address(i), n.State)
		}
		if n.Module == nil && (i.State == run.NodeRunning || i.State == run.NodeCancelling) {
			running++
			if i.State == run.NodeRunning && m.told(i) {
				m.fatalf("%s goes on, and was to be stopped", m.s.Address(i))
			}
		}
		for _, inside := range i.Frames {
			under := m.checkCounts(inside)
			if inside != i.Inside() && under > 0 {
				m.fatalf("%d attempts are under way in an earlier round of %s", under, m.s.Address(i))
			}
			running += under
		}
	}
	switch {
	case n.openInst != open:
		m.fatalf("%s counts %d instances that have not ended; there are %d", n.Name, n.openInst, open)
	case n.State == run.NodePending && len(n.Instances) > 0, len(n.Instances) > 0 && n.State.Ended() != (open == 0):
		m.fatalf("node %s is %s, and of its instances %d have not ended", n.Name, n.State, open)
	}
	return running
}

// told says whether what is around an attempt, or a person, wants it to stop.
func (m *sim) told(i *Instance) bool {
	stop := m.s.CancelRequested || i.Cancel
	for f := i.Node.Frame; f != nil; f = f.parent() {
		stop = stop || f.Expired || f.Owner != nil && f.Owner.Cancel
	}
	return stop
}

func (m *sim) failedWaiting() (failed int) {
	m.s.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if i.State == run.NodeWaiting && i.Error != nil && !i.Doubt {
				failed++
			}
		}
	})
	return failed
}

// held says whether the reason of a pause holds.
func (m *sim) held() bool {
	return m.s.Held && m.s.Reason == "lunch" || slices.ContainsFunc(m.known, func(k known) bool {
		return k.inst != nil && k.inst.State == run.NodeWaiting && k.inst.Error != nil && !k.inst.Doubt &&
			m.s.Reason == k.inst.Node.Name+k.inst.Key.String()+" failed: "+k.inst.Error.Message
	})
}

// rest looks at a run of which all that was due is done.
func (m *sim) rest() {
	if m.s.running != len(m.flying) {
		m.fatalf("it counts %d attempts under way; executors have %d", m.s.running, len(m.flying))
	}
	if m.rng.IntN(6) == 0 {
		m.rebuilt()
		m.explained()
	}
	if m.s.Status.Ended() || m.s.Status == run.Created {
		return
	}
	due, wake := m.nextTime(), m.s.Wake()
	switch {
	case !due.IsZero() && (wake.IsZero() || wake.After(due)):
		m.fatalf("it wakes at %v; something is due at %v", wake, due)
	case !wake.IsZero() && !wake.After(m.now):
		m.fatalf("it wakes at %v, which has passed, although nothing is due", wake)
	case len(m.flying)+len(m.queued) == 0 && due.IsZero() && !m.s.Held && !m.waits():
		m.fatalf("nothing runs, nobody is waited for and no time is, and the run has not ended")
	case m.s.Resting() && (len(m.flying) > 0 || m.s.Status != run.Paused && slices.ContainsFunc(m.queued, func(i *Instance) bool { return i.Due(m.now) })):
		m.fatalf("it is said to rest, and attempts are under way or wait for a slot")
	}
}

// Explained explains a run as the package explain does, which imports this one: another test sets it.
var Explained func(s *State, now time.Time, node func(sdk.Address) bool) []Reason

// Reason is what it says of one thing.
type Reason struct {
	At         sdk.Address
	State, Why string
}

// explained: whatever happens, each thing that is under way or has failed has a reason to stand where it stands.
func (m *sim) explained() {
	for _, node := range []func(sdk.Address) bool{nil, func(sdk.Address) bool { return true }} {
		for _, x := range Explained(m.s, m.now, node) {
			if x.Why == "" && (x.State != string(run.Cancelled) || x.At.Node.Kind != "") {
				m.fatalf("%s is %s, and nobody knows why", x.At, x.State)
			}
		}
	}
}

func (m *sim) waits() bool {
	return slices.ContainsFunc(m.known, func(k known) bool { return k.inst != nil && k.inst.State == run.NodeWaiting })
}

// rebuilt: a state that is read from the journal now owes what this one owes, and what stands in queues.
func (m *sim) rebuilt() {
	s := New(m.shape)
	for _, e := range m.journal {
		if _, err := s.Fold(e); err != nil {
			m.fatalf("%v", err)
		}
	}
	owed, queued := m.owed(s), m.queued
	m.queued = nil
	m.compare(s, owed, s.Decide(m.now, nil))
	m.queued = queued
}

// over looks at a run that has ended: all of it has, and nothing but a resume changes it.
func (m *sim) over() {
	for _, k := range m.known {
		if s := k.now(); !s.Ended() {
			m.fatalf("the run %s, and %s is %s", m.s.Status, k, s)
		}
	}
	for _, n := range m.s.Nodes {
		if m.s.Status == run.Succeeded && n.State != run.NodeSucceeded && n.State != run.NodeSkipped {
			m.fatalf("the run succeeded, and %s is %s", n.Name, n.State)
		}
	}
	m.seen.ends[m.s.Status]++
	seq := m.s.Seq
	ended := m.s.Ended
	for _, e := range []run.Event{{Kind: run.CancelRequested}, {Kind: run.DeadlinePassed}, {Kind: run.RunPaused}, {Kind: run.RunContinued}, {Kind: run.RunEnded, Status: run.Succeeded}} {
		if m.rng.IntN(8) == 0 {
			m.add(e)
		}
	}
	if m.rng.IntN(2) == 0 {
		m.late()
	}
	if cmds := m.s.Decide(m.now.Add(1e15), nil); len(cmds) > 0 || !m.s.Wake().IsZero() || !m.s.Ended.Equal(ended) || m.s.Held {
		m.fatalf("it has ended, and is changed since event %d; due is %v", seq, cmds)
	}
	m.durable = len(m.journal)
}

// book is what a journal says of attempts.
type book struct {
	ended map[string]bool // attempts of which the end is recorded
	good  map[string]bool // rounds of instances that have succeeded
}

func newBook() book { return book{map[string]bool{}, map[string]bool{}} }

// note takes an event in, or says why it may not be.
func (b book) note(e run.Event, stale bool, s *State) (why string) {
	at := e.At("run_sim")
	switch e.Kind {
	case run.AttemptStarted:
		round := at
		round.Attempt = 0
		if b.good[round.String()] {
			return round.String() + " is started again, and had succeeded"
		}
		if at.Attempt--; at.Attempt > 0 && !b.ended[at.String()] {
			return at.String() + " has not ended, and another attempt is started"
		}
		if s.CancelRequested || s.Status != run.Running || s.Under(e.In).Halted() {
			return at.String() + " is started in a run, or a module, that begins nothing new"
		}
	case run.AttemptEnded, run.NodeCachedEvent, run.NodeDecided, run.GateAnswered, run.ModuleEnded:
		if stale {
			return ""
		}
		b.ended[at.String()] = true
		i := s.Find(e.In, e.Node).Instance(e.Key)
		at.Attempt = 0
		if good := at.String(); e.Error == nil && (i.Iter > e.Iter || i.State == run.NodeSucceeded || i.State == run.NodeCached) {
			if b.good[good] {
				return good + " succeeded twice"
			}
			b.good[good] = true
		}
	default:
	}
	return ""
}
