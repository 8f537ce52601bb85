package answer

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/lsp/place"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

var symbolKinds = map[string]int{
	"pipeline": protocol.SymbolModule, "module": protocol.SymbolModule, "variable": protocol.SymbolVariable, "locals": protocol.SymbolObject,
	"node": protocol.SymbolFunction, "gate": protocol.SymbolEvent, "trigger": protocol.SymbolEvent, "output": protocol.SymbolProperty,
	"secret": protocol.SymbolKey,
}

// Symbols lists what the file declares.
func (a *Answerer) Symbols() []protocol.DocumentSymbol {
	items, starts := a.File.Text.Items()
	out := []protocol.DocumentSymbol{}
	for i, item := range items {
		if item.Kind == "" {
			continue
		}
		end := starts[i] + len(strings.TrimRight(item.Src, " \t\r\n"))
		s := a.symbol(item, starts[i])
		s.Range = a.span(a.File, starts[i]+item.At, max(end, starts[i]+item.At+len(item.Kind)))
		for _, n := range inside(item) {
			s.Children = append(s.Children, a.inner(n, starts[i]))
		}
		out = append(out, s)
	}
	return out
}

// symbol is an item by its head: node "type" "name" is name, of type.
func (a *Answerer) symbol(item *text.Item, start int) protocol.DocumentSymbol {
	s := protocol.DocumentSymbol{Name: item.Kind, Kind: symbolKinds[item.Kind]}
	from, to := item.At, item.At+len(item.Kind)
	if n := len(item.Labels); n > 0 && item.Labels[n-1].Text != "" {
		l := item.Labels[n-1]
		s.Name, s.Detail, from, to = l.Text, item.Kind, l.From, l.To
		if n > 1 {
			s.Detail = item.Labels[0].Text
		}
	}
	if s.Kind == 0 {
		s.Kind = protocol.SymbolField
	}
	s.SelectionRange = a.span(a.File, start+from, start+to)
	return s
}

// inside gives what is worth listing within an item: locals, and the fields of a gate's form.
func inside(item *text.Item) (out []place.Name) {
	if item.Kind != "locals" && item.Kind != "gate" {
		return nil
	}
	for _, block := range place.New(item.Src).Names() {
		for _, n := range block.Inside {
			if item.Kind == "locals" && !n.IsBlock || n.Text == "form" && len(n.Labels) == 1 {
				out = append(out, n)
			}
		}
	}
	return out
}

func (a *Answerer) inner(n place.Name, start int) protocol.DocumentSymbol {
	s := protocol.DocumentSymbol{Name: n.Text, Kind: protocol.SymbolConstant}
	from, to := n.From, n.To
	if len(n.Labels) == 1 && n.Labels[0].Text != "" {
		s.Name, s.Detail, s.Kind = n.Labels[0].Text, n.Text, protocol.SymbolField
		from, to = n.Labels[0].From, n.Labels[0].To
	}
	s.Range, s.SelectionRange = a.span(a.File, start+n.From, start+n.End), a.span(a.File, start+from, start+to)
	return s
}
