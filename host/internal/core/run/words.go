package run

import (
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Tell says in words what an event recorded, and how much it matters ("info" or "error"); nothing for those that
// concern nobody.
func (e Event) Tell() (level, text string) {
	level = "info"
	if e.Error != nil || e.Kind == DeadlinePassed {
		level = "error"
	}
	switch e.Kind {
	case RunCreated:
		text = "run of " + e.Pipeline + " created"
		if e.Parent != "" {
			text += ", which repeats " + string(e.Parent)
		}
	case RunStarted:
		text = "its turn has come"
	case RunPrioritized:
		text = by(e, fmt.Sprintf("priority set to %d", e.Priority))
		if e.Place != "" {
			text = by(e, fmt.Sprintf("moved in the queue, to priority %d", e.Priority))
		}
	case NodeExpanded:
		switch {
		case e.Skip:
			text = "skipped: " + e.Reason
		case e.Each:
			text = fmt.Sprintf("%d instances", len(e.Keys))
		}
	case NodeFailedEvent:
		text = "failed: " + errorText(e.Error)
	case NodeCachedEvent:
		text = "taken from the cache: " + e.Source
	case NodeDecided:
		text = by(e, "decided: "+string(e.Decision))
	case AttemptStarted:
		text = fmt.Sprintf("attempt %d started", e.Attempt)
		if e.Rung > 0 {
			text += fmt.Sprintf(" on rung %d of its ladder", e.Rung)
		}
		if e.Reason != "" {
			text += ": " + e.Reason
		}
	case AttemptEnded:
		text = tellEnd(e)
	case ModuleOpened:
		text = "opened"
	case ModuleEnded:
		text = "ended" + again(e)
		if e.Error != nil {
			text = "failed: " + errorText(e.Error)
		}
	case GateOpened:
		text = "waits for a person"
	case GateAnswered:
		text = by(e, map[bool]string{true: "approved", false: "rejected"}[e.Outputs["approved"] == true])
	case CancelRequested:
		text = by(e, "cancel requested")
	case DeadlinePassed:
		text = "its time is up"
	case RunPaused:
		text = by(e, "paused")
	case RunContinued:
		text = by(e, "goes on")
	case RunResumed:
		text = "resumed"
	case RunEnded:
		text = "run " + string(e.Status)
	case AttemptSaved:
	}
	return level, text
}

func tellEnd(e Event) string {
	if e.Error == nil {
		return fmt.Sprintf("attempt %d succeeded", e.Attempt) + again(e)
	}
	return fmt.Sprintf("attempt %d ended (%s): %s", e.Attempt, e.Error.Cause, errorText(e.Error))
}

func again(e Event) string {
	if e.Again {
		return "; another round follows"
	}
	return ""
}

func errorText(err *sdk.Error) string {
	if err == nil {
		return "no reason is recorded"
	}
	text := err.Error()
	if err.Detail != "" {
		text += "\n" + err.Detail
	}
	return text
}

// by adds who said something, and why.
func by(e Event, what string) string {
	if e.Owner != "" {
		what += " by " + e.Owner
	}
	if e.Reason != "" {
		what += ": " + e.Reason
	}
	return what
}

// Explanation says why a node instance, a node or a run stands where it stands, and what to do.
type Explanation struct {
	At    sdk.Address
	State string
	Why   string
	// Next is what a person may do about it; empty when nothing has to be done.
	Next string
}

// Explain explains the run, and every node instance that is under way, waits or failed; with node it explains that one
// and its instances only, whatever their state. queue says why an instance that is ready has not begun.
func (s *State) Explain(now time.Time, node func(sdk.Address) bool, queue func(*Instance) string) []Explanation {
	var out []Explanation
	if node == nil {
		out = append(out, s.explainRun())
	}
	s.Walk(func(n *Node) {
		if len(n.Instances) == 0 {
			at := sdk.Address{Run: string(s.ID), Modules: n.Frame.Path, Node: StepOf(n.Name, sdk.Key{}, 0)}
			if node == nil && (n.State == NodeSucceeded || n.State == NodeSkipped || s.Status.Ended() && n.State != NodeFailed) || node != nil && !node(at) {
				return
			}
			why, next := s.explainNode(n, now)
			out = append(out, Explanation{At: at, State: string(n.State), Why: why, Next: next})
			return
		}
		for _, i := range n.Instances {
			at := s.Address(i)
			if node == nil && (i.State == NodeSucceeded || i.State == NodeCached || i.State == NodeSkipped || s.Status.Ended() && i.State != NodeFailed) || node != nil && !node(at) {
				continue
			}
			why, next := s.explainInstance(i, now, queue)
			out = append(out, Explanation{At: at, State: string(i.State), Why: why, Next: next})
		}
	})
	return out
}

func (s *State) explainRun() Explanation {
	x := Explanation{At: sdk.Address{Run: string(s.ID)}, State: string(s.Status)}
	switch s.Status {
	case Created:
		x.Why = "it waits for its turn"
	case Running:
		x.Why = fmt.Sprintf("%d of %d nodes have ended, %d attempts are under way", len(s.Nodes)-s.open, len(s.Nodes), s.running)
	case Paused:
		x.Why, x.Next = s.Reason, "spinbot resume "+string(s.ID)+" goes on"
	case Failed:
		x.Why, x.Next = s.Error.Message, s.Error.Hint
		if x.Next == "" {
			x.Next = "spinbot resume " + string(s.ID) + " tries again what failed and keeps what succeeded"
		}
	case Cancelled:
		x.Why, x.Next = s.Reason, "spinbot resume "+string(s.ID)+" goes on"
	case Succeeded:
		x.Why = "all of it has ended"
	}
	return x
}

func (s *State) explainNode(n *Node, now time.Time) (why, next string) {
	switch n.State {
	case NodePending:
		switch {
		case s.Status == Created:
			return "its run has not begun", ""
		case n.Frame.Halted() || s.stopping():
			return "it will not begin: what is around it is ending", ""
		}
		var open []string
		for _, need := range n.Needs {
			if p := n.Frame.byName[need]; p != nil && !p.State.Ended() {
				open = append(open, fmt.Sprintf("%s (%s)", StepOf(need, sdk.Key{}, 0), p.standing(now)))
			}
		}
		if len(open) == 0 {
			return "it is about to begin", ""
		}
		return "it waits for " + strings.Join(open, ", "), ""
	case NodeSkipped:
		return n.Reason, ""
	case NodeFailed:
		return n.Error.Message, n.Error.Hint
	case NodeCancelled:
		return "the run ended before it could begin", ""
	default:
		return "it has no instances: its for_each is over nothing", ""
	}
}

// standing says where a node stands in a few words.
func (n *Node) standing(now time.Time) string {
	if n.State != NodePending && !n.State.Ended() && !n.Started.IsZero() {
		if len(n.Instances) > 1 {
			return fmt.Sprintf("%d of %d have ended", len(n.Instances)-n.openInst, len(n.Instances))
		}
		state := n.State
		if len(n.Instances) == 1 {
			state = n.Instances[0].State
		}
		return fmt.Sprintf("%s for %s", state, now.Sub(n.Started).Round(time.Second))
	}
	return string(n.State)
}

func (s *State) explainInstance(i *Instance, now time.Time, queue func(*Instance) string) (why, next string) {
	at := strings.TrimPrefix(s.plain(i), string(s.ID)+"/")
	decide := fmt.Sprintf("spinbot decide %s %s retry|accept|skip|fail", s.ID, shell(at))
	switch i.State {
	case NodeReady:
		if s.Status == Paused {
			return "it is ready, and the run is paused", ""
		}
		if why = queue(i); why == "" {
			why = "it is about to begin"
		}
		return why, ""
	case NodeBackoff:
		return fmt.Sprintf("attempt %d ended (%s): %s; it is tried again at %s", i.Attempt, i.Error.Cause, i.Error.Message,
			i.RetryAt.Format(time.TimeOnly)), i.Error.Hint
	case NodeWaiting:
		switch {
		case i.Doubt:
			return "it is in doubt: " + i.Error.Message, decide
		case i.Error != nil:
			return "it failed, and holds the run: " + i.Error.Message, decide
		}
		why = "it asks a person"
		if !i.Deadline.IsZero() {
			why += " until " + i.Deadline.Format(time.DateTime)
		}
		return why, fmt.Sprintf("spinbot approve %s %s", s.ID, shell(at))
	case NodeRunning, NodeCancelling:
		if i.Node.Module != nil {
			inside := i.Inside()
			return fmt.Sprintf("%d of %d nodes in it have ended", len(inside.Nodes)-inside.open, len(inside.Nodes)), ""
		}
		why = fmt.Sprintf("attempt %d has been under way since %s", i.Attempt, i.Started.Format(time.TimeOnly))
		if !i.Deadline.IsZero() {
			why += fmt.Sprintf(", until %s at the latest", i.Deadline.Format(time.TimeOnly))
		}
		return why, ""
	case NodeFailed, NodeCancelled:
		if i.Error != nil {
			return i.Error.Message, i.Error.Hint
		}
		return "the run ended first", ""
	case NodeCached:
		return "its result was known: " + i.Source, ""
	default:
		return "it has ended", ""
	}
}

// plain is the address of an instance without its attempt.
func (s *State) plain(i *Instance) string {
	at := s.Address(i)
	at.Attempt = 0
	return at.String()
}

// shell quotes an address for a command line when its keys need it.
func shell(at string) string {
	if strings.ContainsAny(at, `"[]~ `) {
		return "'" + at + "'"
	}
	return at
}
