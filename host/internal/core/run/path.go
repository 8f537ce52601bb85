package run

import (
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Path leads from a run to a module instance: one step for each module around it. The run's own path is empty.
type Path []sdk.Step

// String gives the path as it stands in an address: module.finish~2/module.mix[0].
func (p Path) String() string {
	steps := make([]string, len(p))
	for i := range p {
		steps[i] = p[i].String()
	}
	return strings.Join(steps, "/")
}

// MarshalText gives String.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Path) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = nil
		return nil
	}
	a, err := sdk.ParseAddress("run_0/" + string(text))
	if err != nil {
		return err
	}
	if *p = a.Modules; p.String() != string(text) {
		return fmt.Errorf("%q is no path of modules", text)
	}
	return nil
}

// StepOf is the address segment of a node instance. The ID is a node's name, gate.<name> or module.<name>.
func StepOf(id string, key sdk.Key, iter int) sdk.Step {
	kind, name, ok := strings.Cut(id, ".")
	if !ok {
		kind, name = "node", id
	}
	return sdk.Step{Kind: kind, Name: name, Key: key, Iter: iter}
}

// IDOf is the ID of the node that a segment of an address names.
func IDOf(s sdk.Step) string {
	if s.Kind == "node" {
		return s.Name
	}
	return s.Kind + "." + s.Name
}

// Target gives the node instance that an address means, and the module instance around it. An address that ends in a
// module means the module.
func Target(at sdk.Address) (in Path, step sdk.Step) {
	in, step = at.Modules, at.Node
	if step.Kind == "" && len(in) > 0 {
		in, step = in[:len(in)-1], in[len(in)-1]
	}
	return in, step
}
