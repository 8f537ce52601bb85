package progress

import (
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// debt is a command that is due, found by looking at everything.
type debt struct {
	op   Op
	node *Node
	inst *Instance
}

func (d debt) String() string {
	out := string(d.op)
	if d.node != nil {
		out += " " + d.node.Frame.Path.String() + "/" + d.node.Name
	}
	if d.inst != nil {
		out += d.inst.Key.String()
	}
	return out
}

// owed finds all that is due in a state, from what anybody can see of it: what Decide must say, whatever happened before.
func (m *sim) owed(s *State) (owed []debt) {
	if s.Status != run.Running && s.Status != run.Paused {
		return nil
	}
	if !s.Deadline.IsZero() && !m.now.Before(s.Deadline) && !s.Expired && !s.CancelRequested {
		return []debt{{op: OpExpire}}
	}
	running := 0
	s.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if n.Module != nil || i.State != run.NodeRunning && i.State != run.NodeCancelling {
				continue
			}
			running++
			if f := m.flightOf(i); i.State == run.NodeCancelling && (s != m.s || !f.stopped) {
				owed = append(owed, debt{OpCancel, n, i})
			}
		}
	})
	if s.CancelRequested || s.failing != nil {
		if running == 0 {
			owed = append(owed, debt{op: OpEnd})
		}
		return owed
	}
	owed = m.owedIn(s, &s.Frame, false, owed)
	if s.Status == run.Running && !slices.ContainsFunc(s.Nodes, func(n *Node) bool { return !n.State.Ended() }) {
		owed = append(owed, debt{op: OpEnd})
	}
	return owed
}

// owedIn finds what is due in a frame. Nothing new begins in one that is halted.
func (m *sim) owedIn(s *State, f *Frame, halted bool, owed []debt) []debt {
	halted = halted || f.failing != nil
	for _, n := range f.Nodes {
		if n.State == run.NodePending && !halted && s.Status == run.Running {
			skip := false
			for _, need := range n.Needs {
				if !f.Node(need).State.Ended() {
					goto next
				}
				skip = skip || f.Node(need).State == run.NodeSkipped
			}
			if skip {
				owed = append(owed, debt{OpSkip, n, nil})
			} else {
				owed = append(owed, debt{OpExpand, n, nil})
			}
		}
		for _, i := range n.Instances {
			owed = m.owedOf(s, i, halted, owed)
		}
	next:
	}
	return owed
}

func (m *sim) owedOf(s *State, i *Instance, halted bool, owed []debt) []debt {
	n := i.Node
	passed := func(at time.Time) bool { return !at.IsZero() && !at.After(m.now) }
	switch i.State {
	case run.NodeReady, run.NodeBackoff:
		switch {
		case halted || s.Status != run.Running || i.State == run.NodeBackoff && i.RetryAt.After(m.now):
		case n.Gate || n.Module != nil:
			return append(owed, debt{OpOpen, n, i})
		default:
			return append(owed, debt{OpDispatch, n, i})
		}
	case run.NodeWaiting:
		if n.Gate && i.Error == nil && passed(i.Deadline) {
			return append(owed, debt{OpTimeout, n, i})
		}
	case run.NodeRunning, run.NodeCancelling:
		if n.Module == nil {
			break
		}
		f := i.Inside()
		if i.State == run.NodeRunning && passed(f.Deadline) && !f.Expired {
			owed = append(owed, debt{OpExpire, n, i})
		}
		if !halted && (f.failing == nil && allEnded(f) || f.failing != nil && f.running == 0) {
			owed = append(owed, debt{OpClose, n, i})
		}
		return m.owedIn(s, f, halted, owed) // in one that is halted, gates still end
	default:
	}
	return owed
}

func allEnded(f *Frame) bool {
	return !slices.ContainsFunc(f.Nodes, func(n *Node) bool { return !n.State.Ended() })
}

// checkCommands compares what the engine's state decides with what is due.
func (m *sim) checkCommands(owed []debt, cmds []Command) {
	m.compare(m.s, owed, cmds)
	for _, c := range cmds {
		switch {
		case c.Op == OpEnd && c.Status == run.Succeeded && !allEnded(&m.s.Frame):
			m.fatalf("it ends as succeeded, and not all has ended")
		case c.Op == OpClose && c.Error == nil && !allEnded(c.Instance.Inside()):
			m.fatalf("%v, and not all in it has ended", c)
		case c.Op == OpCancel && m.flightOf(c.Instance) == nil:
			m.fatalf("it cancels %s, which no executor has", m.s.Address(c.Instance))
		}
	}
}

// compare says what a state forgets to decide, decides too early, or twice. What stands in a queue was decided before.
func (m *sim) compare(s *State, owed []debt, cmds []Command) {
	given := make([]debt, len(cmds))
	for k, c := range cmds {
		given[k] = debt{c.Op, c.Node, c.Instance}
		switch {
		case slices.Contains(given[:k], given[k]):
			m.fatalf("it decides twice: %v", given[k])
		case !slices.Contains(owed, given[k]):
			m.fatalf("it decides what is not due: %v\ndue: %v", given[k], owed)
		}
	}
	for _, d := range owed {
		if !slices.Contains(given, d) && (d.op != OpDispatch || !slices.Contains(m.queued, d.inst)) {
			m.fatalf("it forgets %v (of a state read anew: %v)\ngiven: %v\ndue: %v", d, s != m.s, given, owed)
		}
	}
}

// nextTime finds when the next thing is due of which only the clock keeps the run.
func (m *sim) nextTime() (at time.Time) {
	s := m.s
	if !s.Expired && !s.CancelRequested {
		at = s.Deadline
	}
	if s.CancelRequested || s.failing != nil {
		return at
	}
	for _, k := range m.known {
		i := k.inst
		if i == nil {
			continue
		}
		switch f := i.Inside(); {
		case i.Node.Gate && i.State == run.NodeWaiting && i.Error == nil:
			at = sooner(at, i.Deadline)
		case f != nil && i.State == run.NodeRunning && !f.Expired:
			at = sooner(at, f.Deadline)
		case i.State == run.NodeBackoff && s.Status == run.Running && !i.Node.Frame.Halted() && !slices.Contains(m.queued, i):
			at = sooner(at, i.RetryAt)
		}
	}
	return at
}
