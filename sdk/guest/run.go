package guest

import (
	"context"
	"strconv"

	"github.com/myspinbot/spinbot/sdk"
)

// runner carries out tasks with the nodes of one plugin.
type runner struct {
	plugin sdk.Plugin
	nodes  map[string]sdk.Node
}

func newRunner(p sdk.Plugin) *runner {
	r := &runner{p, make(map[string]sdk.Node, len(p.Nodes))}
	for _, n := range p.Nodes {
		r.nodes[n.Type().Name] = n
	}
	return r
}

// run carries out one task; a panic becomes an error that leaves the guest broken.
func (r *runner) run(t *sdk.Task) (o Outcome) {
	n, ok := r.nodes[t.Type]
	if !ok {
		return Outcome{Err: &sdk.Error{
			Cause: sdk.CauseRefused, Permanent: true,
			Message: "module " + r.plugin.Name + " offers no node type " + strconv.Quote(t.Type),
		}}
	}
	defer func() {
		if p := recover(); p != nil {
			o = Outcome{Broken: true, Err: sdk.Fail(t.Type+" panicked: "+panicText(p), "this is a mistake in the node's code")}
		}
	}()
	res, err := n.Run(context.Background(), t)
	if err != nil {
		return Outcome{Err: sdk.AsError(err)}
	}
	return Outcome{Outputs: res.Outputs}
}

func panicText(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	case interface{ String() string }:
		return p.String()
	case int:
		return strconv.Itoa(p)
	}
	return "with a value of another type"
}
