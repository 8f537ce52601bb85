// Package explain says in words why a run, a node or a node instance stands where it stands, and what a person may do about it.
package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

// Explanation says why a node instance, a node or a run stands where it stands, and what to do.
type Explanation struct {
	At    sdk.Address
	State string
	Why   string
	// Next is what a person may do about it; empty when nothing has to be done.
	Next string
}

// Run explains the run, and every node instance that is under way, waits or failed; with node it explains that one
// and its instances only, whatever their state. queue says why an instance that is ready has not begun.
func Run(s *progress.State, now time.Time, node func(sdk.Address) bool, queue func(*progress.Instance) string) []Explanation {
	var out []Explanation
	if node == nil {
		out = append(out, explainRun(s))
	}
	s.Walk(func(n *progress.Node) {
		if len(n.Instances) == 0 {
			at := sdk.Address{Run: string(s.ID), Modules: n.Frame.Path, Node: run.StepOf(n.Name, sdk.Key{}, 0)}
			if node == nil && (n.State == run.NodeSucceeded || n.State == run.NodeSkipped || s.Status.Ended() && n.State != run.NodeFailed) || node != nil && !node(at) {
				return
			}
			why, next := explainNode(s, n, now)
			out = append(out, Explanation{At: at, State: string(n.State), Why: why, Next: next})
			return
		}
		for _, i := range n.Instances {
			at := s.Address(i)
			if node == nil && (i.State == run.NodeSucceeded || i.State == run.NodeCached || i.State == run.NodeSkipped || s.Status.Ended() && i.State != run.NodeFailed) || node != nil && !node(at) {
				continue
			}
			why, next := explainInstance(s, i, now, queue)
			out = append(out, Explanation{At: at, State: string(i.State), Why: why, Next: next})
		}
	})
	return out
}

func explainRun(s *progress.State) Explanation {
	x := Explanation{At: sdk.Address{Run: string(s.ID)}, State: string(s.Status)}
	switch s.Status {
	case run.Created:
		x.Why = "it waits for its turn"
	case run.Running:
		x.Why = fmt.Sprintf("%d of %d nodes have ended, %d attempts are under way", len(s.Nodes)-s.Left(), len(s.Nodes), s.Running())
	case run.Paused:
		x.Why, x.Next = s.Reason, "spinbot resume "+string(s.ID)+" goes on"
	case run.Failed:
		x.Why, x.Next = s.Error.Message, s.Error.Hint
		if x.Next == "" {
			x.Next = "spinbot resume " + string(s.ID) + " tries again what failed and keeps what succeeded"
		}
	case run.Cancelled:
		x.Why, x.Next = s.Reason, "spinbot resume "+string(s.ID)+" goes on"
	case run.Succeeded:
		x.Why = "all of it has ended"
	}
	return x
}

func explainNode(s *progress.State, n *progress.Node, now time.Time) (why, next string) {
	switch n.State {
	case run.NodePending:
		switch {
		case s.Status == run.Created:
			return "its run has not begun", ""
		case n.Frame.Halted() || s.Stopping():
			return "it will not begin: what is around it is ending", ""
		}
		var open []string
		for _, need := range n.Needs {
			if p := n.Frame.Node(need); p != nil && !p.State.Ended() {
				open = append(open, fmt.Sprintf("%s (%s)", run.StepOf(need, sdk.Key{}, 0), standing(p, now)))
			}
		}
		if len(open) == 0 {
			return "it is about to begin", ""
		}
		return "it waits for " + strings.Join(open, ", "), ""
	case run.NodeSkipped:
		return n.Reason, ""
	case run.NodeFailed:
		return n.Error.Message, n.Error.Hint
	case run.NodeCancelled:
		return "the run ended before it could begin", ""
	default:
		return "it has no instances: its for_each is over nothing", ""
	}
}

// standing says where a node stands in a few words.
func standing(n *progress.Node, now time.Time) string {
	if n.State != run.NodePending && !n.State.Ended() && !n.Started.IsZero() {
		if len(n.Instances) > 1 {
			return fmt.Sprintf("%d of %d have ended", len(n.Instances)-n.Left(), len(n.Instances))
		}
		state := n.State
		if len(n.Instances) == 1 {
			state = n.Instances[0].State
		}
		return fmt.Sprintf("%s for %s", state, now.Sub(n.Started).Round(time.Second))
	}
	return string(n.State)
}

func explainInstance(s *progress.State, i *progress.Instance, now time.Time, queue func(*progress.Instance) string) (why, next string) {
	at := strings.TrimPrefix(plain(s, i), string(s.ID)+"/")
	decide := fmt.Sprintf("spinbot decide %s %s retry|accept|skip|fail", s.ID, shell(at))
	switch i.State {
	case run.NodeReady:
		if s.Status == run.Paused {
			return "it is ready, and the run is paused", ""
		}
		if why = queue(i); why == "" {
			why = "it is about to begin"
		}
		return why, ""
	case run.NodeBackoff:
		return fmt.Sprintf("attempt %d ended (%s): %s; it is tried again at %s", i.Attempt, i.Error.Cause, i.Error.Message,
			i.RetryAt.Format(time.TimeOnly)), i.Error.Hint
	case run.NodeWaiting:
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
	case run.NodeRunning, run.NodeCancelling:
		if i.Node.Module != nil {
			inside := i.Inside()
			return fmt.Sprintf("%d of %d nodes in it have ended", len(inside.Nodes)-inside.Left(), len(inside.Nodes)), ""
		}
		why = fmt.Sprintf("attempt %d has been under way since %s", i.Attempt, i.Started.Format(time.TimeOnly))
		if !i.Deadline.IsZero() {
			why += fmt.Sprintf(", until %s at the latest", i.Deadline.Format(time.TimeOnly))
		}
		return why, ""
	case run.NodeFailed, run.NodeCancelled:
		if i.Error != nil {
			return i.Error.Message, i.Error.Hint
		}
		return "the run ended first", ""
	case run.NodeCached:
		return "its result was known: " + i.Source, ""
	default:
		return "it has ended", ""
	}
}

// plain is the address of an instance without its attempt.
func plain(s *progress.State, i *progress.Instance) string {
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
