package pipeline_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// unset are Types of one node type, whose input lora needs a setting that is missing.
type unset struct{ t *testing.T }

func (u unset) NodeType(name string) (sdk.NodeType, bool) {
	s, err := sdk.SchemaOf[struct {
		Prompt string                  `spin:"prompt"`
		Lora   *sdk.Artifact           `spin:"lora" setting:"models_dir"`
		Models map[string]sdk.Artifact `spin:"models,optional" setting:"models_dir|folder"`
	}]()
	if err != nil {
		u.t.Error(err)
	}
	return sdk.NodeType{Name: name, Inputs: s, Outputs: sdk.Schema{Type: "object"}}, true
}

func (unset) Names() []string { return nil }

func (unset) Unset(nodeType, setting string) string {
	if setting == "models_dir" {
		return nodeType + " needs " + setting
	}
	return ""
}

// TestSetting: what an input needs of settings is said where it is missing, and only when it is used.
func TestSetting(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                          "",
		`lora = null`:               "",
		`lora = var.lora`:           "film.hcl:6:3: input lora cannot be used here; test.draw needs models_dir",
		`models = { a = var.lora }`: "",
	} {
		src := "pipeline \"film\" {}\nvariable \"lora\" {\n  type = artifact\n}\nnode \"test.draw\" \"x\" {\n  " + body + "\n  prompt = \"x\"\n}\n"
		p, ds := load.Load(fstest.MapFS{"film.hcl": {Data: []byte(src)}}, "film.hcl", unset{t})
		var got []string
		for _, d := range ds {
			if d.Severity == diagnostic.Warning && strings.Contains(d.Summary, "cannot be used") {
				got = append(got, d.Range.String()+": "+d.Summary+"; "+d.Detail)
			}
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		if p == nil || len(p.Nodes[0].Unset) != len(got) {
			t.Errorf("%s: %v, %v", body, p, ds)
		}
	}
}
