package syntax

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// BlockNames are the top-level blocks of the language.
var BlockNames = []string{"pipeline", "variable", "locals", "node", "output", "requires", "secret", "gate", "module", "trigger"}

// UnknownBlock says that a block cannot stand where it does, and which can.
func (l *Reader) UnknownBlock(b *hclsyntax.Block, where string, known []string) {
	detail := "known here: " + strings.Join(known, ", ")
	if len(known) == 0 {
		detail = "no blocks may stand here"
	}
	if hint := expr.DidYouMean(b.Type, known); hint != "" {
		detail = strings.TrimPrefix(hint, "; ") + "\n" + detail
	}
	l.Fail(b.TypeRange, detail, "unknown block %q %s", b.Type, where)
}

// Labels checks that a block has as many labels as it wants, each a name where it must be one.
func (l *Reader) Labels(b *hclsyntax.Block, usage string, n int) bool {
	if len(b.Labels) != n {
		l.Fail(b.DefRange(), "write it "+usage, "%s block with %s", b.Type, labelCount(len(b.Labels)))
		return false
	}
	if n == 0 {
		return true
	}
	if name := b.Labels[n-1]; !sdk.IsName(name) {
		l.Fail(b.LabelRanges[n-1], "names have letters, digits, _ and -, begin with a letter or _, and are at most 128 bytes long", "%q is not a name", name)
		return false
	}
	return true
}

func labelCount(n int) string {
	switch n {
	case 0:
		return "no label"
	case 1:
		return "one label"
	}
	return fmt.Sprintf("%d labels", n)
}

// InOrder gives attributes in the order of the file.
func InOrder(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(attributes))
	for _, a := range attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}

// Attributes hands each attribute of a block to its reader and names those that have none.
func (l *Reader) Attributes(b *hclsyntax.Block, readers map[string]func(hclsyntax.Expression)) {
	for _, a := range InOrder(b.Body.Attributes) {
		if read := readers[a.Name]; read != nil {
			l.Subject = a.Name
			read(a.Expr)
			continue
		}
		known := Sorted(readers)
		l.Fail(a.NameRange, "known here: "+strings.Join(known, ", ")+expr.DidYouMean(a.Name, known), "unknown attribute %q in %s block", a.Name, b.Type)
	}
}

// Sorted gives the names in order.
func Sorted[T any](named map[string]T) []string { return slices.Sorted(maps.Keys(named)) }

// NoBlocks refuses the blocks within a block, but for those known.
func (l *Reader) NoBlocks(b *hclsyntax.Block, known ...string) {
	for _, inner := range b.Body.Blocks {
		if !slices.Contains(known, inner.Type) {
			l.UnknownBlock(inner, "in a "+b.Type+" block", known)
		}
	}
}

// Duplicate says that there are two of the same name.
func (l *Reader) Duplicate(rng hcl.Range, what, name string, other diagnostic.Range) {
	l.Fail(rng, fmt.Sprintf("the first stands at line %d; rename one", other.Start.Line), "second %s named %q", what, name)
}

// Second reports a block without labels that stands twice in another.
func (l *Reader) Second(outer, b *hclsyntax.Block) bool {
	l.Labels(b, b.Type+" { }", 0)
	for _, other := range outer.Body.Blocks {
		if other.Type == b.Type && other.TypeRange.Start.Byte < b.TypeRange.Start.Byte {
			l.Fail(b.DefRange(), fmt.Sprintf("the first stands at line %d", other.TypeRange.Start.Line), "second %s block", b.Type)
			return true
		}
	}
	return false
}
