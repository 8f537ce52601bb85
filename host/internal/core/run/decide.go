package run

import (
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Op is what a Command asks the engine to do.
type Op string

// The commands. Each is given once; the engine answers with the event named, or stops.
const (
	OpExpand   Op = "expand"   // evaluate when and for_each of Node: NodeExpanded or NodeFailedEvent
	OpSkip     Op = "skip"     // append NodeExpanded{Skip, Reason}
	OpDispatch Op = "dispatch" // evaluate inputs of Instance, append AttemptStarted, execute: AttemptEnded
	OpCancel   Op = "cancel"   // stop the attempt of Instance: AttemptEnded
	OpExpire   Op = "expire"   // append DeadlinePassed
	OpEnd      Op = "end"      // append RunEnded with Status, and outputs when it succeeded
)

// Command is one thing that is due.
type Command struct {
	Op       Op
	Node     *Node
	Instance *Instance
	Reason   string
	Status   Status
	Error    *sdk.Error
}

// Decide gives the commands that the events since the last call have made due, appended to cmds.
func (s *State) Decide(now time.Time, cmds []Command) []Command {
	if s.Status != Running {
		return cmds
	}
	if !s.Deadline.IsZero() && !now.Before(s.Deadline) && !s.Expired && !s.expiring && !s.CancelRequested {
		s.expiring = true
		return append(cmds, Command{Op: OpExpire})
	}
	for _, i := range s.toCancel {
		if i.State == NodeRunning || i.State == NodeCancelling {
			i.State = NodeCancelling
			cmds = append(cmds, Command{Op: OpCancel, Instance: i, Node: i.Node})
		}
	}
	s.toCancel = s.toCancel[:0]
	if s.stopping() {
		return s.decideEnd(cmds)
	}
	cmds = s.decideExpand(cmds)
	cmds = s.decideDispatch(now, cmds)
	if s.open == 0 {
		cmds = s.decideEnd(cmds)
	}
	return cmds
}

func (s *State) decideExpand(cmds []Command) []Command {
	for _, n := range s.toExpand {
		if n.State != NodePending || n.unmet > 0 {
			continue
		}
		if skipped := s.skippedNeed(n); skipped != "" {
			cmds = append(cmds, Command{Op: OpSkip, Node: n, Reason: "node." + skipped + " was skipped"})
			continue
		}
		cmds = append(cmds, Command{Op: OpExpand, Node: n})
	}
	s.toExpand = s.toExpand[:0]
	return cmds
}

func (s *State) skippedNeed(n *Node) string {
	for _, need := range n.Needs {
		if p := s.byName[need]; p != nil && p.State == NodeSkipped {
			return need
		}
	}
	return ""
}

func (s *State) decideDispatch(now time.Time, cmds []Command) []Command {
	waiting := s.backoff[:0]
	for _, i := range s.backoff {
		switch {
		case i.State != NodeBackoff:
			i.waits = false
		case i.RetryAt.After(now):
			waiting = append(waiting, i)
		default:
			i.waits = false
			s.offer(i)
		}
	}
	s.backoff = waiting
	for _, i := range s.due {
		i.listed = false
		if i.State == NodeReady || i.State == NodeBackoff {
			cmds = append(cmds, Command{Op: OpDispatch, Instance: i, Node: i.Node})
		}
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
		return append(cmds, Command{Op: OpEnd, Status: Cancelled})
	case s.failing != nil:
		return append(cmds, Command{Op: OpEnd, Status: Failed, Error: s.failing})
	}
	return append(cmds, Command{Op: OpEnd, Status: Succeeded})
}

// Wake says when Decide should be called again although nothing has happened; zero: not at all.
func (s *State) Wake() time.Time {
	if s.Status != Running {
		return time.Time{}
	}
	var at time.Time
	if !s.Expired && !s.CancelRequested {
		at = s.Deadline
	}
	if s.stopping() {
		return at
	}
	for _, i := range s.backoff {
		if i.State == NodeBackoff && (at.IsZero() || i.RetryAt.Before(at)) {
			at = i.RetryAt
		}
	}
	return at
}

// Interrupted gives the instances whose attempt was under way when the journal ended: after a crash each ends
// as lost.
func (s *State) Interrupted() []*Instance {
	var out []*Instance
	for _, n := range s.Nodes {
		for _, i := range n.Instances {
			if i.State == NodeRunning || i.State == NodeCancelling {
				out = append(out, i)
			}
		}
	}
	return out
}
