package syntax

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// AttributeName gives the name at a place of a reference: node.x and node["x"] alike.
func AttributeName(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// Locate finds the part of an expression that a violation's path leads to, or the nearest part around it.
func Locate(e hclsyntax.Expression, path string) hcl.Range {
	for path != "" {
		next, rest, ok := descend(e, path)
		if !ok {
			break
		}
		e, path = next, rest
	}
	return e.Range()
}

func descend(e hclsyntax.Expression, path string) (next hclsyntax.Expression, rest string, ok bool) {
	for {
		p, wrapped := e.(*hclsyntax.ParenthesesExpr)
		if !wrapped {
			break
		}
		e = p.Expression
	}
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		path = strings.TrimPrefix(path, ".")
		for _, item := range e.Items {
			name, known := expr.KeyName(item.KeyExpr)
			rest, found := strings.CutPrefix(path, name)
			switch {
			case !known || !found || rest != "" && rest[0] != '.' && rest[0] != '[':
			case rest == "" && strings.HasPrefix(path, name):
				return item.ValueExpr, "", true
			default:
				return item.ValueExpr, rest, true
			}
		}
	case *hclsyntax.TupleConsExpr:
		at, rest, found := strings.Cut(strings.TrimPrefix(path, "["), "]")
		var i int
		if n, err := fmt.Sscan(at, &i); found && n == 1 && err == nil && i >= 0 && i < len(e.Exprs) {
			return e.Exprs[i], rest, true
		}
	}
	return nil, "", false
}

// TooLarge is the detail of a value that is too large.
var TooLarge = fmt.Sprintf("at most %d MiB; pass large data between nodes as artifacts", datum.MaxValue>>20)
