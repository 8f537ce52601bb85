package pipeline_test

import (
	"reflect"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// TestWantsFiles: model files that the device block names and those that inputs name are asked for together, and alone.
func TestWantsFiles(t *testing.T) {
	t.Parallel()
	paint := sdk.NodeType{Name: "test.paint", Inputs: sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "checkpoint", Schema: sdk.Schema{Type: "string", ModelFile: "checkpoints"}}}}}
	inputs := sdk.Values{"checkpoint": `sdxl\base.pt`}
	for _, c := range []struct {
		node pipeline.Node
		want []string
		ok   bool
	}{
		{pipeline.Node{Kind: pipeline.KindNode, Type: paint}, []string{"checkpoints/sdxl/base.pt"}, true},
		{pipeline.Node{Kind: pipeline.KindNode, Type: paint, Device: &pipeline.Device{Files: []string{"checkpoints/sdxl/base.pt", "loras/ink.pt"}}}, []string{"checkpoints/sdxl/base.pt", "loras/ink.pt"}, true},
		{pipeline.Node{Kind: pipeline.KindNode, Type: sdk.NodeType{Name: "test.echo"}}, nil, false},
	} {
		if d, ok := c.node.Wants(inputs); ok != c.ok || !reflect.DeepEqual(d.Files, c.want) || c.node.Asks() != c.ok {
			t.Errorf("%q, %v of %+v", d.Files, ok, c.node)
		}
	}
	if _, ok := (&pipeline.Node{Kind: pipeline.KindNode, Type: paint}).Wants(nil); ok {
		t.Error("asks for files though no input names one")
	}
}
