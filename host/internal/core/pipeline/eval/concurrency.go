package eval

import (
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// Concurrency gives the key of the scope's run and how many runs with that key may go on at once; 0: any number.
func (s *Scope) Concurrency() (key string, limit int, ds diagnostic.Diagnostics) {
	c := s.p.Concurrency
	if c == nil {
		return "", 0, nil
	}
	if c.Key == nil {
		return "", c.Limit, nil
	}
	v, ds := s.eval(c.Key, s.names(c.Refs))
	if ds.HasErrors() {
		return "", 0, ds.In("concurrency")
	}
	t, err := datum.ToText(v)
	if err != nil {
		return "", 0, diagnostic.One(diagnostic.RangeOf(c.Key.Range()), exposed(err), "concurrency: key %s", err)
	}
	return t.AsString(), c.Limit, nil
}
