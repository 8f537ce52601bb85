// Package typeexpr reads and writes types as the language has them: list(string), object({ name = optional(number, 3) }).
package typeexpr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/sdk"
)

// typeNames are the words of type expressions, simple ones first.
var typeNames = []string{"string", "number", "bool", "any", "artifact", "list", "set", "map", "object", "optional"}

// ParseType reads a type expression: string, number, bool, any, artifact, list(T), set(T), map(T) and
// object({ a = T, b = optional(T), c = optional(T, default) }). A set may only be the outermost type; it becomes a
// list without doubles.
func ParseType(e hclsyntax.Expression) (s sdk.Schema, set bool, diags hcl.Diagnostics) {
	if call, ok := unwrap(e).(*hclsyntax.FunctionCallExpr); ok && call.Name == "set" && len(call.Args) == 1 {
		items, diags := parseType(call.Args[0], 1)
		return sdk.Schema{Type: "array", Items: &items}, true, diags
	}
	s, diags = parseType(e, 0)
	return s, false, diags
}

func unwrap(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expression
	}
}

func typeProblem(e hclsyntax.Expression, format string, args ...any) hcl.Diagnostics {
	rng := e.Range()
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Subject: &rng,
		Summary: "not a type", Detail: fmt.Sprintf(format, args...),
	}}
}

const typeHelp = "types are string, number, bool, any, artifact, list(T), set(T), map(T) and object({ name = T, other = optional(T) })"

func parseType(e hclsyntax.Expression, depth int) (sdk.Schema, hcl.Diagnostics) {
	if depth > 32 {
		return sdk.Schema{}, typeProblem(e, "it is nested too deep")
	}
	if call, ok := unwrap(e).(*hclsyntax.FunctionCallExpr); ok {
		return parseTypeCall(call, depth)
	}
	switch word := hcl.ExprAsKeyword(unwrap(e)); word {
	case "string", "number":
		return sdk.Schema{Type: word}, nil
	case "bool":
		return sdk.Schema{Type: "boolean"}, nil
	case "any":
		return sdk.Schema{}, nil
	case "artifact":
		return sdk.Schema{Type: "object", XType: sdk.XArtifact}, nil
	case "list", "set", "map":
		return sdk.Schema{}, typeProblem(e, "write %s(T), with the type of its elements, such as %s(string)", word, word)
	case "object":
		return sdk.Schema{}, typeProblem(e, "write object({ name = T })")
	case "":
		return sdk.Schema{}, typeProblem(e, "%s (without quotes)", typeHelp)
	default:
		return sdk.Schema{}, typeProblem(e, "%q is unknown%s; %s", word, expr.DidYouMean(word, typeNames), typeHelp)
	}
}

func parseTypeCall(call *hclsyntax.FunctionCallExpr, depth int) (sdk.Schema, hcl.Diagnostics) {
	switch call.Name {
	case "list", "map":
		if len(call.Args) != 1 {
			return sdk.Schema{}, typeProblem(call, "%s takes one type, such as %s(string)", call.Name, call.Name)
		}
		elem, diags := parseType(call.Args[0], depth+1)
		if call.Name == "map" {
			return sdk.Schema{Type: "object", Additional: &elem}, diags
		}
		return sdk.Schema{Type: "array", Items: &elem}, diags
	case "set":
		return sdk.Schema{}, typeProblem(call, "a set may not stand within another type; use list(T)")
	case "object":
		return parseObjectType(call, depth)
	case "optional":
		return sdk.Schema{}, typeProblem(call, "optional(T) stands only for a member of an object")
	}
	return sdk.Schema{}, typeProblem(call, "%q is unknown%s; %s", call.Name, expr.DidYouMean(call.Name, typeNames), typeHelp)
}

func parseObjectType(call *hclsyntax.FunctionCallExpr, depth int) (sdk.Schema, hcl.Diagnostics) {
	s := sdk.Schema{Type: "object"}
	var object *hclsyntax.ObjectConsExpr
	if len(call.Args) == 1 {
		object, _ = unwrap(call.Args[0]).(*hclsyntax.ObjectConsExpr)
	}
	if object == nil {
		return s, typeProblem(call, "object takes its members in braces: object({ name = string })")
	}
	var diags hcl.Diagnostics
	for _, item := range object.Items {
		name, ok := expr.KeyName(item.KeyExpr)
		if !ok {
			diags = append(diags, typeProblem(item.KeyExpr, "a member's name must be a plain word")...)
			continue
		}
		if _, twice := s.Properties.Get(name); twice {
			diags = append(diags, typeProblem(item.KeyExpr, "%q stands twice", name)...)
			continue
		}
		member, optional, more := parseMember(item.ValueExpr, depth+1)
		diags = append(diags, more...)
		s.Properties = append(s.Properties, sdk.Property{Name: name, Schema: member})
		if !optional {
			s.Required = append(s.Required, name)
		}
	}
	return s, diags
}

// parseMember reads T, optional(T) or optional(T, default).
func parseMember(e hclsyntax.Expression, depth int) (s sdk.Schema, optional bool, diags hcl.Diagnostics) {
	call, ok := unwrap(e).(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "optional" {
		s, diags = parseType(e, depth)
		return s, false, diags
	}
	if len(call.Args) != 1 && len(call.Args) != 2 {
		return s, true, typeProblem(call, "write optional(T) or optional(T, default)")
	}
	if s, diags = parseType(call.Args[0], depth); diags.HasErrors() || len(call.Args) == 1 {
		return s, true, diags
	}
	v, diags := expr.Eval(call.Args[1], &hcl.EvalContext{Functions: library.ByName})
	if diags.HasErrors() {
		return s, true, diags
	}
	x, err := datum.Artifacts{}.Out(v)
	if err != nil {
		return s, true, typeProblem(call.Args[1], "the default %s", err)
	}
	x = datum.Coerce(&s, x)
	for _, problem := range s.Check(x) {
		rng := call.Args[1].Range()
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Subject: &rng, Summary: "default: " + problem.String()})
	}
	s.Default = x
	return s, true, diags
}
