package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

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
		return sdk.Schema{}, typeProblem(e, "%q is unknown%s; %s", word, DidYouMean(word, typeNames), typeHelp)
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
	return sdk.Schema{}, typeProblem(call, "%q is unknown%s; %s", call.Name, DidYouMean(call.Name, typeNames), typeHelp)
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
		name, ok := KeyName(item.KeyExpr)
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
	v, diags := Eval(call.Args[1], &hcl.EvalContext{Functions: table})
	if diags.HasErrors() {
		return s, true, diags
	}
	x, err := Artifacts{}.Out(v)
	if err != nil {
		return s, true, typeProblem(call.Args[1], "the default %s", err)
	}
	x = Coerce(&s, x)
	for _, problem := range s.Check(x) {
		rng := call.Args[1].Range()
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Subject: &rng, Summary: "default: " + problem.String()})
	}
	s.Default = x
	return s, true, diags
}

// KeyName gives the constant key of an object's item.
func KeyName(e hclsyntax.Expression) (string, bool) {
	v, diags := Eval(e, nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// DidYouMean gives `; did you mean "x"?` for the known name nearest to what was written, or nothing when none is near.
func DidYouMean(written string, known []string) string {
	if best := Nearest(written, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}

// Nearest gives the known name that was probably meant, or nothing.
func Nearest(written string, known []string) string {
	best, least := "", 1+max(1, len(written)/3)
	for _, name := range known {
		d := distance(strings.ToLower(written), strings.ToLower(name), least)
		if d < least && name != written {
			best, least = name, d
		}
	}
	return best
}

// distance is the edit distance, a swap of neighbours counted as one; anything from limit on is given as limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		if slices.Min(row) >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
