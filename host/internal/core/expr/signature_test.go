package expr_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/sdk"
)

// TestDocumented: whatever can be called is documented and has a signature.
func TestDocumented(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range library.Documented() {
		names = append(names, f.Name)
		if f.Doc == "" || f.Example == "" || f.Result == "" || f.Signature() == "" {
			t.Errorf("%s is not documented", f.Name)
		}
	}
	if !slices.Equal(names, library.Names()) {
		t.Errorf("documented are %v, there are %v", names, library.Names())
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"clamp":        "clamp(number: number, least: number, most: number) number",
		"max":          "max(numbers...: number) number",
		"file":         "file(path: string) string",
		"templatefile": "templatefile(path: string, values: any) any",
		"join":         "join(separator: string, lists...: list(string)) string",
	}
	for _, f := range library.Documented() {
		if s, ok := want[f.Name]; ok && f.Signature() != s {
			t.Errorf("%s, not %s", f.Signature(), s)
		}
	}
	for text, of := range map[string]cty.Type{
		"list(map(string))": cty.List(cty.Map(cty.String)), "tuple([number, any])": cty.Tuple([]cty.Type{cty.Number, cty.DynamicPseudoType}),
		"object({ a = bool, b = set(string) })": cty.Object(map[string]cty.Type{"b": cty.Set(cty.String), "a": cty.Bool}),
		"artifact":                              datum.ArtifactType, "object({})": cty.EmptyObject,
	} {
		if got := datum.TypeText(of); got != text {
			t.Errorf("%s, not %s", got, text)
		}
	}
}

func TestSchemaText(t *testing.T) {
	t.Parallel()
	low, high := json.Number("1"), json.Number("9")
	text := sdk.Schema{Type: "string"}
	for want, s := range map[string]sdk.Schema{
		"any": {}, "bool": {Type: "boolean"}, "number 1..9": {Type: "number", Minimum: &low, Maximum: &high}, "integer ≥ 1": {Type: "integer", Minimum: &low},
		"number ≤ 9": {Type: "number", Maximum: &high}, "list(string)": {Type: "array", Items: &text}, "map(string)": {Type: "object", Additional: &text},
		"object({a})": {Type: "object", Properties: sdk.Properties{{Name: "a"}}}, `"a" | 2`: {Enum: []any{"a", 2}}, "duration": {Type: "string", Format: "duration"},
		"artifact (image/*)": {Type: "object", XType: sdk.XArtifact, Accept: []string{"image/*"}}, "type": {XType: sdk.XTypeSchema},
	} {
		if got := typeexpr.SchemaText(s); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
