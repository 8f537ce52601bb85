package main

import (
	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// tracker turns a run's events into changes to show. It knows how often each node may be tried, so that a failed
// attempt can be told from a failed node.
type tracker struct {
	attempts map[string]int       // by row
	tries    map[string]int       // by row and key: attempts that consumed a retry
	states   map[[2]string]string // by row and key
}

// rowOf names the row of a node on the board: its name, behind the modules around it.
func rowOf(in, name string) string {
	if in == "" {
		return name
	}
	return in + "/" + name
}

// newTracker begins where a snapshot of the run stands, and gives what is known at that point.
func newTracker(r client.Run) (*tracker, []progress.Change) {
	t := &tracker{attempts: map[string]int{}, tries: map[string]int{}, states: map[[2]string]string{}}
	var known []progress.Change
	total := map[string]int{}
	for _, n := range r.Nodes {
		total[rowOf(n.In, n.Name)]++
	}
	for _, n := range r.Nodes {
		row := rowOf(n.In, n.Name)
		t.attempts[row] = n.Attempts
		c := progress.Change{Node: row, Key: n.Key, State: n.State, Attempt: n.Attempt, Time: r.Updated, Total: total[row]}
		if n.Started != nil && n.Ended != nil {
			begun := c
			begun.State, begun.Time = "running", *n.Started
			known = append(known, begun)
			c.Time = *n.Ended
		}
		if n.State == "pending" {
			c.State = ""
		}
		known = append(known, c)
		t.states[[2]string{row, n.Key}] = n.State
	}
	return t, known
}

// fromStart is the run as it was before anything happened, so that all that happens is shown.
func fromStart(r client.Run) client.Run {
	var nodes []client.Node
	for k, n := range r.Nodes {
		if n.In == "" && (k == 0 || r.Nodes[k-1].Name != n.Name || r.Nodes[k-1].In != "") {
			nodes = append(nodes, client.Node{Name: n.Name, Type: n.Type, State: "pending", Attempts: n.Attempts})
		}
	}
	r.Seq, r.Nodes = 0, nodes
	return r
}

// changes says what an event changes on the board.
func (t *tracker) changes(raw client.Event) ([]progress.Change, error) {
	e, err := run.Decode(raw.Data)
	if err != nil {
		return nil, err
	}
	c := progress.Change{Node: rowOf(e.In.String(), e.Node), Key: e.Key.String(), Attempt: e.Attempt, Time: e.Time}
	if e.Error != nil {
		c.Error = e.Error.Message
	}
	switch e.Kind {
	case run.NodeExpanded:
		switch {
		case e.Skip:
			c.State = "skipped"
		case e.Each && len(e.Keys) == 0:
			c.State = "succeeded"
		default:
			c.Total = max(len(e.Keys), 1)
		}
	case run.NodeFailedEvent:
		c.State = "failed"
	case run.NodeCachedEvent:
		c.State = ended(e, "cached")
	case run.AttemptStarted, run.ModuleOpened:
		c.State = "running"
	case run.AttemptEnded:
		c.State = t.ended(e, c.Node)
	case run.ModuleEnded, run.GateAnswered, run.NodeDecided:
		c.State = ended(e, "succeeded")
	case run.GateOpened:
		c.State = "waiting"
	case run.RunResumed:
		return t.resumed(e), nil
	default:
		return nil, nil
	}
	if e.Waits {
		c.State = "waiting"
	}
	t.states[[2]string{c.Node, c.Key}] = c.State
	return []progress.Change{c}, nil
}

// ended says what an end means when no attempt may follow it.
func ended(e run.Event, good string) string {
	switch {
	case e.Error != nil:
		return "failed"
	case e.Again || e.Decision == run.Retry:
		return "pending"
	case e.Decision == run.Skip:
		return "skipped"
	case e.Decision == run.GiveUp:
		return "failed"
	}
	return good
}

// ended says what became of an instance whose attempt ended.
func (t *tracker) ended(e run.Event, row string) string {
	if e.Error == nil {
		return ended(e, "succeeded")
	}
	switch e.Error.Cause {
	case sdk.CauseCancelled:
		return "cancelled"
	case sdk.CauseFailed, sdk.CauseHung:
		id := row + e.Key.String()
		t.tries[id]++
		if e.Error.Permanent || t.tries[id] >= t.attempts[row] {
			return "failed"
		}
		return "backoff"
	case sdk.CauseLost, sdk.CauseDrained, sdk.CausePreempted:
		return "pending"
	default:
		if e.Error.Permanent {
			return "failed"
		}
		return "pending"
	}
}

// resumed puts what failed or was cancelled back to waiting.
func (t *tracker) resumed(e run.Event) []progress.Change {
	var out []progress.Change
	for at, state := range t.states {
		if state == "failed" || state == "cancelled" {
			t.states[at] = "pending"
			out = append(out, progress.Change{Node: at[0], Key: at[1], State: "pending", Time: e.Time})
		}
	}
	clear(t.tries)
	return out
}
