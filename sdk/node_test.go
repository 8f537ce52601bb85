package sdk

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestModelInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input string
		want  string // of the fault
	}{
		"none":      {"", ""},
		"a text":    {"model", ""},
		"no input":  {"other", `model_input names "other", which is no input`},
		"no text":   {"size", `model_input names the input "size", which is no text`},
		"sensitive": {"key", `model_input names the input "key", which is sensitive`},
	} {
		nt := NodeType{
			Name: "fake.node", Outputs: Schema{Type: "object"}, Device: &DeviceNeed{ModelInput: c.input, Exclusive: true},
			Inputs: Schema{Type: "object", Properties: Properties{
				{Name: "model", Schema: Schema{Type: "string"}}, {Name: "size", Schema: Schema{Type: "integer"}},
				{Name: "key", Schema: Schema{Type: "string", Sensitive: true}},
			}},
		}
		err := nt.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		var back NodeType
		if err := json.Unmarshal(nt.AppendJSON(nil), &back); err != nil || back.Device.ModelInput != c.input || !back.Device.Exclusive {
			t.Errorf("%s: read back as %+v, %v", name, back.Device, err)
		}
		plain, err := json.Marshal(nt)
		if err != nil || string(plain) != string(nt.AppendJSON(nil)) {
			t.Errorf("%s: encoding/json writes %s, %v", name, plain, err)
		}
	}
}
