package replay

import (
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
)

// Change is the state of a node instance, of a node or of the run, before and after an event.
type Change struct {
	At   string `json:"at,omitempty"` // address within the run; empty: the run
	From string `json:"from"`         // empty: it was not there
	To   string `json:"to"`
}

// seen are the states as they were after the last step.
type seen struct {
	status    run.Status
	nodes     map[*progress.Node]run.NodeState
	instances map[*progress.Instance]run.NodeState
}

func newSeen(s *progress.State) seen {
	x := seen{s.Status, map[*progress.Node]run.NodeState{}, map[*progress.Instance]run.NodeState{}}
	s.Walk(func(n *progress.Node) {
		x.nodes[n] = n.State
		for _, i := range n.Instances {
			x.instances[i] = i.State
		}
	})
	return x
}

// changes compares the states with those of the last step. Most events change one instance and its node only; the others
// are looked for everywhere.
func (p *Player) changes(e run.Event) (out []Change) {
	n := p.state.Find(e.In, e.Node)
	switch {
	case n == nil:
		p.state.Walk(func(n *progress.Node) { out = p.compare(out, n, n.Instances...) })
	case e.Kind == run.AttemptStarted, e.Kind == run.AttemptSaved, e.Kind == run.AttemptEnded, e.Kind == run.NodeCachedEvent,
		e.Kind == run.GateOpened, e.Kind == run.GateAnswered:
		out = p.compare(out, n, n.Instance(e.Key))
	case e.Kind == run.NodeExpanded:
		out = p.compare(out, n, n.Instances...)
	default:
		p.state.Walk(func(n *progress.Node) { out = p.compare(out, n, n.Instances...) })
	}
	if now := p.state.Status; now != p.seen.status {
		out = append(out, Change{From: string(p.seen.status), To: string(now)})
		p.seen.status = now
	}
	return out
}

// compare adds what changed of a node and of some of its instances. A node without for_each and its one instance are the
// same to a person.
func (p *Player) compare(out []Change, n *progress.Node, instances ...*progress.Instance) []Change {
	was, known := p.seen.nodes[n]
	if !known {
		was = run.NodePending
	}
	p.seen.nodes[n] = n.State
	if was != n.State && (n.Each || len(n.Instances) == 0) {
		out = append(out, Change{within(n.Frame.Path, run.StepOf(n.Name, sdk.Key{}, 0)), string(was), string(n.State)})
	}
	for _, i := range instances {
		if i == nil {
			continue
		}
		before, known := p.seen.instances[i]
		if p.seen.instances[i] = i.State; before == i.State {
			continue
		}
		if !known && !n.Each {
			before = was
		}
		out = append(out, Change{within(n.Frame.Path, i.Step()), string(before), string(i.State)})
	}
	return out
}

// Next is what may begin now, and what is under way.
type Next struct {
	Ready   []string `json:"ready,omitempty"`   // addresses within the run, MaxNext at most
	Running []string `json:"running,omitempty"` // likewise
	Waiting []string `json:"waiting,omitempty"` // for a person; likewise
}

// MaxNext is how many addresses each list of Next holds at most.
const MaxNext = 50

// next walks the run for what is ready: instances, and nodes whose needs have all ended.
func (p *Player) next() (x Next) {
	if p.state.Status.Ended() {
		return x
	}
	add := func(list *[]string, in run.Path, step sdk.Step) {
		if len(*list) < MaxNext {
			*list = append(*list, within(in, step))
		}
	}
	p.state.Walk(func(n *progress.Node) {
		if n.State == run.NodePending && !n.Frame.Halted() && !p.state.Stopping() && needsEnded(n) {
			add(&x.Ready, n.Frame.Path, run.StepOf(n.Name, sdk.Key{}, 0))
		}
		for _, i := range n.Instances {
			switch i.State {
			case run.NodeReady, run.NodeBackoff:
				if !n.Frame.Halted() {
					add(&x.Ready, n.Frame.Path, i.Step())
				}
			case run.NodeRunning, run.NodeCancelling:
				add(&x.Running, n.Frame.Path, i.Step())
			case run.NodeWaiting:
				add(&x.Waiting, n.Frame.Path, i.Step())
			default: // it has ended, or cannot begin
			}
		}
	})
	return x
}

func needsEnded(n *progress.Node) bool {
	for _, need := range n.Needs {
		if o := n.Frame.Node(need); o != nil && !o.State.Ended() {
			return false
		}
	}
	return true
}
