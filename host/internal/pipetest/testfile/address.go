package testfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// Steps lead to a node instance from its run: the modules around it, then the instance itself.
type Steps []sdk.Step

// ParseSteps reads an address within a run, such as node.shot[2] or module.finish/node.mix.
func ParseSteps(s string) (Steps, error) {
	a, err := sdk.ParseAddress("run_0/" + s)
	if err == nil && a.Attempt > 0 {
		err = errors.New("want a node, or an instance of it")
	}
	if err != nil {
		return nil, &addressError{s, err}
	}
	return StepsTo(a), nil
}

// StepsTo gives the steps of an address.
func StepsTo(a sdk.Address) Steps {
	out := append(Steps{}, a.Modules...)
	if a.Node.Kind != "" {
		out = append(out, a.Node)
	}
	return out
}

// String gives the address within the run.
func (s Steps) String() string {
	parts := make([]string, len(s))
	for i := range s {
		parts[i] = s[i].String()
	}
	return strings.Join(parts, "/")
}

// Whole leaves out keys and rounds: the node as its pipeline has it.
func (s Steps) Whole() Steps {
	out := make(Steps, len(s))
	for i := range s {
		out[i] = sdk.Step{Kind: s[i].Kind, Name: s[i].Name}
	}
	return out
}

// Last is the step of the node itself.
func (s Steps) Last() sdk.Step { return s[len(s)-1] }

// Covers says whether an address that may leave out keys and rounds means an instance, and how narrowly.
func (s Steps) Covers(instance Steps) (narrow int, ok bool) {
	if len(s) != len(instance) {
		return 0, false
	}
	for i, want := range s {
		got := instance[i]
		switch {
		case want.Kind != got.Kind || want.Name != got.Name:
			return 0, false
		case !want.Key.IsZero() && want.Key != got.Key, want.Iter > 0 && want.Iter != got.Iter:
			return 0, false
		}
		if !want.Key.IsZero() {
			narrow++
		}
		if want.Iter > 0 {
			narrow++
		}
	}
	return narrow, true
}

// addressError is an address that cannot be read.
type addressError struct {
	text string
	err  error
}

// Error says what is wrong and how it is written.
func (e *addressError) Error() string {
	why := e.err.Error()
	if _, rest, ok := strings.Cut(why, ": "); ok && strings.HasPrefix(why, "address ") {
		why = rest
	}
	return fmt.Sprintf("%q: %s; write node.name, or node.name[0] for an instance", e.text, strings.ReplaceAll(why, "run_0/", ""))
}

// Vertex is a node of a pipeline, or of a module within it.
type Vertex struct {
	At   Steps
	Node *pipeline.Node
}

// Vertices lists the nodes of a pipeline and of its modules, those around before those within.
func Vertices(p *pipeline.Pipeline) []Vertex { return verticesIn(nil, p) }

func verticesIn(in Steps, p *pipeline.Pipeline) (out []Vertex) {
	for _, n := range p.Nodes {
		at := append(in[:len(in):len(in)], n.Step(sdk.Key{}, 0))
		out = append(out, Vertex{at, n})
		if n.Module != nil {
			out = append(out, verticesIn(at, n.Module)...)
		}
	}
	return out
}

// known lists the addresses of vertices of some kinds.
func known(list []Vertex, kinds ...pipeline.Kind) (out []string) {
	for _, v := range list {
		for _, k := range kinds {
			if v.Node.Kind == k {
				out = append(out, v.At.String())
			}
		}
	}
	return out
}
