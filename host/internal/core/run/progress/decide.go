package progress

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Op is what a Command asks the engine to do.
type Op string

// The commands. Each is given once; the engine answers with the event named, or stops.
const (
	OpExpand   Op = "expand"   // evaluate when and for_each of Node: NodeExpanded or NodeFailedEvent
	OpSkip     Op = "skip"     // append NodeExpanded{Skip, Reason}
	OpDispatch Op = "dispatch" // evaluate inputs of Instance, append AttemptStarted, execute: AttemptEnded
	OpOpen     Op = "open"     // evaluate the inputs of a module Instance: ModuleOpened; or a gate's: GateOpened
	OpClose    Op = "close"    // append ModuleEnded of Instance: with Error, else with its outputs
	OpTimeout  Op = "timeout"  // a gate's time has passed: GateAnswered or NodeFailedEvent
	OpCancel   Op = "cancel"   // stop the attempt of Instance: AttemptEnded
	OpExpire   Op = "expire"   // append DeadlinePassed: of Instance's module, or of the run
	OpEnd      Op = "end"      // append RunEnded with Status, and outputs when it succeeded
)

// Command is one thing that is due.
type Command struct {
	Op       Op
	Node     *Node
	Instance *Instance
	Reason   string
	Status   run.Status
	Error    *sdk.Error
}

// Decide gives the commands that the events since the last call have made due, appended to cmds.
func (s *State) Decide(now time.Time, cmds []Command) []Command {
	if s.Status != run.Running && s.Status != run.Paused {
		return cmds
	}
	if !s.Deadline.IsZero() && !now.Before(s.Deadline) && !s.Expired && !s.expiring && !s.CancelRequested {
		s.expiring = true
		return append(cmds, Command{Op: OpExpire})
	}
	for _, i := range s.toCancel {
		if i.State == run.NodeCancelling && !i.told {
			i.told = true
			cmds = append(cmds, Command{Op: OpCancel, Instance: i, Node: i.Node})
		}
	}
	s.toCancel = s.toCancel[:0]
	if s.Stopping() {
		return s.decideEnd(cmds)
	}
	cmds = s.decideTimes(now, cmds)
	cmds = s.decideClose(cmds)
	if s.Status == run.Paused {
		return cmds
	}
	cmds = s.decideExpand(cmds)
	cmds = s.decideDispatch(now, cmds)
	if s.open == 0 {
		cmds = s.decideEnd(cmds)
	}
	return cmds
}

// decideTimes ends gates and modules whose time has passed.
func (s *State) decideTimes(now time.Time, cmds []Command) []Command {
	if s.soonest.IsZero() || now.Before(s.soonest) {
		return cmds
	}
	left := s.timed[:0]
	s.soonest = time.Time{}
	for _, t := range s.timed {
		switch {
		case !t.alive():
		case t.at.After(now):
			left = append(left, t)
			s.soonest = sooner(s.soonest, t.at)
		case t.gate != nil:
			t.gate.asked = true
			cmds = append(cmds, Command{Op: OpTimeout, Instance: t.gate, Node: t.gate.Node})
		default:
			cmds = append(cmds, Command{Op: OpExpire, Instance: t.frame.Owner, Node: t.frame.Owner.Node})
		}
	}
	s.timed = left
	return cmds
}

func (t timed) alive() bool {
	if t.gate != nil {
		return t.gate.State == run.NodeWaiting && t.gate.Error == nil && t.gate.Deadline.Equal(t.at) && !t.gate.asked
	}
	return t.frame.Owner.Inside() == t.frame && t.frame.Owner.State == run.NodeRunning && t.frame.Deadline.Equal(t.at) && !t.frame.Expired
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// decideClose ends module instances of which all that is inside has ended, or which failed and have come to rest.
func (s *State) decideClose(cmds []Command) []Command {
	for k := 0; k < len(s.touched); k++ {
		f := s.touched[k]
		f.listed = false
		if f.Owner == nil || f.Owner.Inside() != f || f.Owner.State != run.NodeRunning && f.Owner.State != run.NodeCancelling || f.closing {
			continue
		}
		if f.parent().Halted() { // it ends with what is around it: nobody knows what it would have given
			continue
		}
		if f.open == 0 && f.failing == nil || f.failing != nil && f.running == 0 {
			f.closing = true
			cmds = append(cmds, Command{Op: OpClose, Instance: f.Owner, Node: f.Owner.Node, Error: f.failing})
		}
	}
	s.touched = s.touched[:0]
	return cmds
}

func (s *State) decideExpand(cmds []Command) []Command {
	for _, n := range s.toExpand {
		if n.State != run.NodePending || n.unmet > 0 || n.asked || n.Frame.Halted() {
			continue
		}
		n.asked = true
		if skipped := n.skippedNeed(); skipped != nil {
			cmds = append(cmds, Command{Op: OpSkip, Node: n, Reason: run.StepOf(skipped.Name, sdk.Key{}, 0).String() + " was skipped"})
			continue
		}
		cmds = append(cmds, Command{Op: OpExpand, Node: n})
	}
	s.toExpand = s.toExpand[:0]
	return cmds
}

func (n *Node) skippedNeed() *Node {
	for _, need := range n.Needs {
		if p := n.Frame.byName[need]; p != nil && p.State == run.NodeSkipped {
			return p
		}
	}
	return nil
}

// Due says whether another attempt of the instance may begin, as far as it is concerned.
func (i *Instance) Due(now time.Time) bool {
	return i.State == run.NodeReady || i.State == run.NodeBackoff && !i.RetryAt.After(now)
}

func (s *State) decideDispatch(now time.Time, cmds []Command) []Command {
	waiting := s.backoff[:0]
	for _, i := range s.backoff {
		switch {
		case i.State != run.NodeBackoff:
		case i.RetryAt.After(now):
			waiting = append(waiting, i)
		default:
			s.Offer(i)
		}
	}
	s.backoff = waiting
	for _, i := range s.due {
		i.listed = false
		if !i.Due(now) || i.Node.Frame.Halted() {
			continue
		}
		op := OpDispatch
		if i.Node.Gate || i.Node.Module != nil {
			op = OpOpen
		}
		cmds = append(cmds, Command{Op: op, Instance: i, Node: i.Node})
	}
	s.due = s.due[:0]
	return cmds
}

// decideEnd ends the run once nothing is under way.
func (s *State) decideEnd(cmds []Command) []Command {
	if s.running > 0 || s.ending {
		return cmds
	}
	s.ending = true
	switch {
	case s.CancelRequested:
		return append(cmds, Command{Op: OpEnd, Status: run.Cancelled})
	case s.failing != nil:
		return append(cmds, Command{Op: OpEnd, Status: run.Failed, Error: s.failing})
	}
	return append(cmds, Command{Op: OpEnd, Status: run.Succeeded})
}

// Wake says when Decide should be called again although nothing has happened; zero: not at all.
func (s *State) Wake() time.Time {
	if s.Status != run.Running && s.Status != run.Paused {
		return time.Time{}
	}
	var at time.Time
	if !s.Expired && !s.CancelRequested {
		at = s.Deadline
	}
	if s.Stopping() {
		return at
	}
	at = sooner(at, s.soonest)
	if s.Status == run.Paused {
		return at
	}
	for _, i := range s.backoff {
		if i.State == run.NodeBackoff && !i.Node.Frame.Halted() {
			at = sooner(at, i.RetryAt)
		}
	}
	return at
}

// Resting says that the run will do nothing until a person speaks or a time passes: all that is left waits for one.
func (s *State) Resting() bool {
	if s.running > 0 || s.Stopping() || s.Status != run.Running && s.Status != run.Paused {
		return false
	}
	resting := true
	s.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if i.State == run.NodeReady || i.State == run.NodeBackoff {
				resting = false
			}
		}
	})
	return resting || s.Status == run.Paused
}

// Interrupted gives the instances whose attempt was under way when the journal ended: after a crash each ends
// as lost, unless it goes on elsewhere.
func (s *State) Interrupted() []*Instance {
	var out []*Instance
	s.Walk(func(n *Node) {
		for _, i := range n.Instances {
			if n.Module == nil && (i.State == run.NodeRunning || i.State == run.NodeCancelling) {
				out = append(out, i)
			}
		}
	})
	return out
}
