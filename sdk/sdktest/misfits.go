package sdktest

import (
	"maps"
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// misfits hands a node inputs that a host would not: one that is required is missing, or one is of another kind.
func (s suite) misfits(t testing.TB, nt sdk.NodeType) {
	base := Case{Type: nt.Name}
	if i := slices.IndexFunc(s.Cases, func(c Case) bool { return c.Type == nt.Name && c.Fails == "" }); i >= 0 {
		base = s.Cases[i]
	}
	for _, p := range nt.Inputs.Properties {
		if nt.Inputs.IsRequired(p.Name) {
			s.misfit(t, base, p.Name, nil)
		}
		switch {
		case p.Schema.Type == "array":
			s.misfit(t, base, p.Name, map[string]any{"unexpected": true})
		case p.Schema.Type != "":
			s.misfit(t, base, p.Name, []any{map[string]any{"unexpected": true}})
		}
	}
}

func (s suite) misfit(t testing.TB, c Case, name string, value any) {
	what := "of another kind"
	c.Inputs = maps.Clone(c.Inputs)
	if value == nil {
		what = "missing"
		delete(c.Inputs, name)
	} else {
		if c.Inputs == nil {
			c.Inputs = sdk.Values{}
		}
		c.Inputs[name] = value
	}
	out, err := s.execute(t, t.Context(), s.task(t, c))
	e := failure(t, err)
	switch {
	case err == nil:
		t.Errorf("with input %q %s it succeeded with %v; it must refuse (sdk.NodeOf and sdk.Bind do)", name, what, out)
	case e == nil:
		t.Errorf("the above came up with input %q %s", name, what)
	case !e.Permanent:
		t.Errorf("with input %q %s it failed with %q, which would be tried again in vain: use sdk.Refuse", name, what, e.Message)
	}
}
