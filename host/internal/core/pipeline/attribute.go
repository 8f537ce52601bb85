package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Readers of constant attributes.

func (l *loader) text(to *string) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "string"}, func(x any) { *to = x.(string) })
}

func (l *loader) flag(to *bool) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "boolean"}, func(x any) { *to = x.(bool) })
}

func (l *loader) texts(to *[]string) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "string", MinLength: new(1)}}, func(x any) {
		for _, s := range x.([]any) {
			*to = append(*to, s.(string))
		}
	})
}

func (l *loader) textMap(to *map[string]string) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "object", Additional: &sdk.Schema{Type: "string"}}, func(x any) {
		*to = map[string]string{}
		for k, s := range x.(map[string]any) {
			if s, ok := s.(string); ok {
				(*to)[k] = s
			}
		}
	})
}

func (l *loader) number(to *int, least, most int) func(hclsyntax.Expression) {
	low, high := json.Number(fmt.Sprint(least)), json.Number(fmt.Sprint(most))
	return l.read(sdk.Schema{Type: "integer", Minimum: &low, Maximum: &high}, func(x any) {
		if n, err := x.(json.Number).Int64(); err == nil {
			*to = int(n)
		}
	})
}

func (l *loader) duration(to *time.Duration) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "string", Format: sdk.FormatDuration}, func(x any) {
		*to, _ = sdk.ParseDuration(x.(string)) // the schema has checked it
	})
}

func (l *loader) size(to *int64) func(hclsyntax.Expression) {
	return l.read(sdk.Schema{Type: "string", Format: sdk.FormatBytes}, func(x any) {
		*to, _ = sdk.ParseBytes(x.(string)) // the schema has checked it
	})
}

// locate finds the part of an expression that a violation's path leads to, or the nearest part around it.
func locate(e hclsyntax.Expression, path string) hcl.Range {
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
