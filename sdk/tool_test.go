package sdk_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type agentIn struct {
	Tools []sdk.Tool `spin:"tools,optional"`
}

// TestTools: what a tool takes reaches the node whole, without what a model cannot write.
func TestTools(t *testing.T) {
	t.Parallel()
	tool, err := sdk.ToolOf(sdk.NodeType{Name: "test.find", Description: "Finds", Inputs: sdk.Schema{Type: "object", Required: []string{"query"}, Properties: sdk.Properties{
		{Name: "query", Schema: sdk.Schema{Type: "string"}},
		{Name: "files", Schema: sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "object", XType: sdk.XArtifact}}},
		{Name: "key", Schema: sdk.Schema{Type: "string", Sensitive: true}},
	}}})
	if err != nil || !slices.Equal(tool.Inputs.Properties.Names(), []string{"query"}) || !tool.Inputs.IsRequired("query") {
		t.Fatalf("%v: %+v", err, tool)
	}
	var got []sdk.Tool
	n := sdk.NodeOf(sdk.NodeType{Name: "test.agent"}, func(_ context.Context, in agentIn, _ *sdk.Task) (struct{}, error) {
		got = in.Tools
		return struct{}{}, nil
	})
	d := n.Type()
	raw, err := json.Marshal(d)
	if err != nil || d.Validate() != nil || !strings.Contains(string(raw), `"x-type":"tools"`) {
		t.Fatalf("%v: %v: %s", err, d.Validate(), raw)
	}
	inputs := map[string]any{"type": "object", "properties": map[string]any{"query": map[string]any{"type": "string"}}, "required": []any{"query"}}
	given := sdk.Values{"tools": []any{map[string]any{"name": "test.find", "description": "Finds", "inputs": inputs}}}
	if wrong := d.Inputs.Check(given); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if _, err := n.Run(t.Context(), &sdk.Task{Inputs: given}); err != nil || !reflect.DeepEqual(got, []sdk.Tool{tool}) {
		t.Errorf("%v: got %+v, want %+v", err, got, tool)
	}
	if wrong := d.Inputs.Check(sdk.Values{"tools": []any{"test.find"}}); len(wrong) != 1 {
		t.Errorf("a name is no tool yet: %v", wrong)
	}
}

// TestNoTool: a node type that needs what a model cannot write is none.
func TestNoTool(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]sdk.Schema{
		"kind artifact": {Type: "object", Additional: &sdk.Schema{Type: "object", XType: sdk.XArtifact}},
		"kind type":     {Type: "object", XType: sdk.XTypeSchema},
		"sensitive":     {Type: "object", Properties: sdk.Properties{{Name: "key", Schema: sdk.Schema{Type: "string", Sensitive: true}}}},
	} {
		_, err := sdk.ToolOf(sdk.NodeType{Name: "test.x", Inputs: sdk.Schema{Type: "object", Required: []string{"a"}, Properties: sdk.Properties{{Name: "a", Schema: s}}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := (sdk.Schema{Type: "object", XType: sdk.XTools}).Validate(); err == nil {
		t.Error("tools that are no array are taken")
	}
}
