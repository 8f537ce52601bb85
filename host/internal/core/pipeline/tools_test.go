package pipeline_test

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/sdk"
)

// TestToolsAsInputs: the node is given what the node types take, and the run's bundle holds them.
func TestToolsAsInputs(t *testing.T) {
	t.Parallel()
	p := loaded(t, `pipeline "x" {}
node "test.agent" "a" {
  tools = ["vault.issue"]
}
`)
	scope := eval.Open(p, sdk.Values{}, nil)
	scope.SetRun("run_x", "")
	inputs, ds := scope.Inputs("a", sdk.Key{}, eval.Turn{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	raw, err := inputs.MarshalJSON()
	want := `{"tools":[{"description":"Makes a token","inputs":{"properties":{"role":{"type":"string"}},"type":"object"},"name":"vault.issue"}]}`
	if err != nil || string(raw) != want {
		t.Errorf("%v: got %s, want %s", err, raw, want)
	}
	if names := strings.Join(p.Bundle().Names(), " "); names != "test.agent vault.issue" {
		t.Errorf("the bundle has %s", names)
	}
}
