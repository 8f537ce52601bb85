package shape

import (
	"encoding/json"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Run is a run as the API shows it. Nodes keep the order in which the state has them.
func Run(s *progress.State) client.Run {
	r := client.Run{
		ID: string(s.ID), Pipeline: s.Pipeline, Digest: s.Digest, State: string(s.Status), Owner: s.Owner, Parent: string(s.Parent), Seq: s.Seq,
		Created: s.Created.UTC(), Updated: s.Updated.UTC(), Inputs: s.Inputs, Outputs: s.Outputs, Nodes: []client.Node{},
	}
	switch {
	case s.Error != nil:
		r.Error = s.Error.Error()
	case s.Status == run.Cancelled, s.Status == run.Paused:
		r.Error = s.Reason
	}
	if s.Imported != nil {
		r.Imported = &client.Origin{Host: s.Imported.Host, At: s.Imported.At.UTC()}
	}
	s.Walk(func(n *progress.Node) { r.Nodes = append(r.Nodes, nodeShapes(n)...) })
	return r
}

// nodeShapes gives one entry per instance, or one for the node while it has none.
func nodeShapes(n *progress.Node) []client.Node {
	base := client.Node{In: n.Frame.Path.String(), Name: n.Name, Type: n.Type, State: string(n.State), Needs: n.Needs, Attempts: max(n.Attempts, 1),
		Started: Moment(n.Started), Ended: Moment(n.Ended), Error: n.Error}
	base.At = within(base.In, run.StepOf(n.Name, sdk.Key{}, 0))
	if len(n.Instances) == 0 {
		return []client.Node{base}
	}
	out := make([]client.Node, 0, len(n.Instances))
	for _, i := range n.Instances {
		c := base
		c.At, c.Key, c.Iter = within(base.In, i.Step()), i.Key.String(), i.Iter
		c.State, c.Attempt, c.Error, c.Outputs, c.Source, c.Doubt = string(i.State), i.Attempt, nil, i.Values(), i.Source, i.Doubt
		c.OutputsRef, c.Usage, c.Rung = i.OutputsRef, i.Usage, i.Rung
		c.Devices, c.Agent, c.Memory = i.Devices, i.Agent, i.Memory
		c.Started, c.Ended = Moment(i.Started), Moment(i.Ended)
		if !i.State.Ended() || i.Values() == nil {
			c.Error = i.Error
		}
		if c.Error == nil && i.State == run.NodeFailed {
			c.Error = n.Error
		}
		if i.State == run.NodeWaiting && n.Gate && i.Error == nil {
			c.Until, c.Ask = Moment(i.Deadline), &client.Question{}
			_ = json.Unmarshal(i.Ask, c.Ask) // empty for one that was too big for an event
			c.AskRef = i.AskRef
		}
		out = append(out, c)
	}
	return out
}

func within(in string, step sdk.Step) string {
	if in != "" {
		in += "/"
	}
	return in + step.String()
}

// Moment is a time as the API shows it; nil: none.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
