package pipeline_test

import (
	"reflect"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/device"
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

// TestWantsClasses: what the nodes of a workflow are is asked for, from either of its forms, each class once, and nothing of what is no workflow.
func TestWantsClasses(t *testing.T) {
	t.Parallel()
	shot := sdk.NodeType{Name: "test.shot", Workflow: "workflow", Device: &sdk.DeviceNeed{}, Inputs: sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "workflow", Schema: sdk.Schema{Type: "string"}}}}}
	for name, c := range map[string]struct {
		inputs sdk.Values
		want   []device.Class
	}{
		"as it is run": {sdk.Values{"workflow": `{"1": {"class_type": "Film", "inputs": {}}, "2": {"class_type": "Blur", "inputs": {}}, "3": {"class_type": "Blur", "inputs": {}}}`},
			[]device.Class{{Name: "Blur"}, {Name: "Film"}}},
		"as it is drawn": {sdk.Values{"workflow": `{"version": 0.4, "links": [], "nodes": [{"id": 1, "type": "Film", "mode": 0, "properties": {"cnr_id": "fx"}}, {"id": 2, "type": "Save", "mode": 0, "properties": {"cnr_id": "comfy-core"}},
			{"id": 3, "type": "Note", "mode": 0}, {"id": 4, "type": "Muted", "mode": 2}]}`}, []device.Class{{Name: "Film", Pack: "fx"}, {Name: "Save"}}},
		"no workflow":   {sdk.Values{"workflow": "{"}, nil},
		"not known yet": {sdk.Values{"workflow": nil}, nil},
		"none":          {nil, nil},
	} {
		n := pipeline.Node{Kind: pipeline.KindNode, Type: shot}
		if d, ok := n.Wants(c.inputs); !ok || !reflect.DeepEqual(d.Classes, c.want) {
			t.Errorf("%s: %v, want %v", name, d.Classes, c.want)
		}
	}
}
