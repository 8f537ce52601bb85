package submission

import (
	"context"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// usable says which nodes of a run lack settings of their plugins; nil: none.
func (m *Maker) usable(run engine.Submission) error {
	var lacks []string
	f := foreseen{m: m, run: run}
	eachNode(run.Pipeline, "", func(at string, n *pipeline.Node) {
		if len(n.Unset) > 0 && f.runs(at) {
			lacks = append(lacks, at+": "+strings.Join(n.Unset, "; "))
		}
	})
	if len(lacks) == 0 {
		return nil
	}
	return &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it cannot be run here: " + strings.Join(lacks, "; "), Fix: "set in spinbot.hcl what lacks, or leave the input out"}
}

// placeable says which nodes of a run no device could ever serve; nil: none. firm: only of those whose node type says what would do
// instead, since they cannot do without.
func (m *Maker) placeable(ctx context.Context, run engine.Submission, firm bool) error {
	var never, fix []string
	f := foreseen{m: m, run: run}
	eachNode(run.Pipeline, "", func(at string, n *pipeline.Node) {
		if !n.Asks() || firm && len(n.Type.Cases) == 0 {
			return
		}
		for _, w := range f.wants(at, n) {
			c, _ := n.Type.CaseOf(w.Inputs)
			instead := c != nil && c.Instead != ""
			if firm && !instead {
				continue
			}
			why := m.Placing.NeverFits(ctx, w)
			if why == "" || !f.runs(at) {
				continue
			}
			if instead {
				why += " (" + c.String() + ")"
				fix = append(fix, c.Instead)
			}
			never = append(never, at+" "+why)
			return
		}
	})
	if err := ctx.Err(); err != nil || len(never) == 0 {
		return err
	}
	fix = append(slices.Compact(fix), "ask for less in its device block, or add a device; spinbot devices lists what is there")
	return &client.Problem{Code: client.CodeInvalidPipeline, Detail: "it could never be run here: " + strings.Join(never, "; "), Fix: strings.Join(fix, "; ")}
}

// foreseen is what a run would do, as far as its inputs tell. It is found out when it is asked for the first time.
type foreseen struct {
	m     *Maker
	run   engine.Submission
	nodes map[string][]plan.Node // by address without keys
}

func (f *foreseen) at(at string) []plan.Node {
	if f.nodes == nil {
		f.nodes = map[string][]plan.Node{}
		for _, n := range plan.Make(f.run.Pipeline, f.run.Inputs, plan.Sources{Vault: f.m.Vault,
			Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false }}).Nodes {
			f.nodes[keyless(n.At)] = append(f.nodes[keyless(n.At)], n)
		}
	}
	return f.nodes[at]
}

// wants gives what a node asks of devices, which may depend on its inputs.
func (f *foreseen) wants(at string, n *pipeline.Node) (out []placement.Want) {
	var known []sdk.Values
	if len(n.Type.Cases) > 0 {
		for _, x := range f.at(at) {
			known = append(known, x.Inputs)
		}
	} else {
		known = []sdk.Values{nil}
	}
	for _, inputs := range known {
		if d, ok := n.Wants(inputs); ok {
			out = append(out, placing.Want(n, d, inputs))
		}
	}
	return out
}

// runs says whether a node may run at all: not one that the inputs leave out, or that is in a module which they do.
func (f *foreseen) runs(at string) bool {
	for {
		known := f.at(at)
		if len(known) > 0 && !slices.ContainsFunc(known, func(n plan.Node) bool { return n.Verdict != plan.Skipped && n.Instances != 0 }) {
			return false
		}
		end := strings.LastIndexByte(at, '/')
		if end < 0 {
			return true
		}
		at = at[:end]
	}
}

// eachNode calls do for every node of a pipeline and the modules in it, with its address without keys.
func eachNode(p *pipeline.Pipeline, in string, do func(at string, n *pipeline.Node)) {
	for _, n := range p.Nodes {
		at := in + string(n.Kind) + "." + n.Name
		do(at, n)
		if n.Module != nil {
			eachNode(n.Module, at+"/", do)
		}
	}
}
