package pipeline

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
)

// Concurrency bounds how many runs of the pipeline go on at once; the others wait for their turn.
type Concurrency struct {
	// Limit is from 1.
	Limit int

	key  hclsyntax.Expression // runs with equal keys share the limit; nil: all do
	refs refs
}

// concurrencyBlock reads concurrency { limit, key }.
func (l *loader) concurrencyBlock(b *hclsyntax.Block) {
	c := &Concurrency{}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"limit": l.number(&c.Limit, 1, 1_000_000),
		"key":   func(e hclsyntax.Expression) { c.key = e },
	})
	l.noBlocks(b)
	if _, given := b.Body.Attributes["limit"]; !given {
		l.fail(b.DefRange(), "write how many runs may go on at once: limit = 1", "concurrency without a limit")
		return
	}
	l.p.Concurrency = c
}

func (l *loader) checkConcurrency() {
	if c := l.p.Concurrency; c != nil && c.key != nil {
		v := l.infer(c.key, c.refs, nil)
		if t := v.Type(); v.IsKnown() && v.IsNull() || !t.IsPrimitiveType() && t != cty.DynamicPseudoType {
			l.fail(c.key.Range(), "", "key: want text, got %s", expr.Describe(t))
		}
	}
}

// Concurrency gives the key of the scope's run and how many runs with that key may go on at once; 0: any number.
func (s *Scope) Concurrency() (key string, limit int, ds Diagnostics) {
	c := s.p.Concurrency
	if c == nil {
		return "", 0, nil
	}
	if c.key == nil {
		return "", c.Limit, nil
	}
	v, ds := s.eval(c.key, s.names(c.refs))
	if ds.HasErrors() {
		return "", 0, ds.in("concurrency")
	}
	t, err := expr.ToText(v)
	if err != nil {
		return "", 0, one(rangeOf(c.key.Range()), "", "concurrency: key %s", err)
	}
	return t.AsString(), c.Limit, nil
}
