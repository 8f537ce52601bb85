package sdk

import (
	"encoding/json"
	"strings"
	"testing"
)

// talker is a node type of which an input says what it needs.
func talker() NodeType {
	return NodeType{
		Name: "fake.talk",
		Inputs: Schema{Type: "object", Properties: Properties{
			{Name: "engine", Schema: Schema{Type: "string", Default: "quick", Enum: []any{"quick", "good", "best", "own"}}},
			{Name: "size", Schema: Schema{Type: "string"}}, {Name: "kind", Schema: Schema{Type: "string"}}, {Name: "audio", Schema: Schema{Type: "object", XType: XArtifact}},
		}},
		Outputs: Schema{Type: "object", Properties: Properties{{Name: "engine", Schema: Schema{Type: "string"}}, {Name: "kind", Schema: Schema{Type: "string"}}, {Name: "seconds", Schema: Schema{Type: "number"}}}},
		Cases: []Case{
			{When: []Choice{{"engine", "best"}, {"kind", "small"}}, Device: &DeviceNeed{Memory: 12 << 30}},
			{When: []Choice{{"engine", "best"}}, Device: &DeviceNeed{Memory: 24 << 30, Exclusive: true}, Pace: &Pace{120, "audio", "seconds"}, Instead: "take good"},
			{When: []Choice{{"engine", "quick"}}, Pace: &Pace{0.5, "audio", "seconds"}, Note: "a preview"},
		},
		Device: &DeviceNeed{Memory: 1 << 30},
	}
}

func TestCaseOf(t *testing.T) {
	t.Parallel()
	nt := talker()
	if err := nt.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		inputs Values
		name   string
		memory int64
	}{
		{nil, "engine = quick", 0},
		{Values{"engine": "quick"}, "engine = quick", 0},
		{Values{"engine": "best", "kind": "small"}, "engine = best, kind = small", 12 << 30},
		{Values{"engine": "best", "kind": nil}, "engine = best", 24 << 30},
		{Values{"engine": "good"}, "", 1 << 30},
		{Values{"engine": nil}, "", 1 << 30}, // not known yet
	} {
		got, _ := nt.CaseOf(c.inputs)
		name := ""
		if got != nil {
			name = got.String()
		}
		var memory int64
		if d := nt.DeviceFor(c.inputs); d != nil {
			memory = d.Memory
		}
		if name != c.name || memory != c.memory {
			t.Errorf("%v: got %q, %d", c.inputs, name, memory)
		}
	}
	plain, err := json.Marshal(nt)
	if err != nil || string(plain) != string(nt.AppendJSON(nil)) {
		t.Errorf("encoding/json writes %s, AppendJSON %s, %v", plain, nt.AppendJSON(nil), err)
	}
	m := Manifest{NodeTypes: []NodeType{nt}}
	always := m.UsesDevices()
	m.NodeTypes[0].Device = nil
	if !always || m.UsesDevices() {
		t.Error("only what always wants a device keeps its process from others")
	}
}

func TestBadCases(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(c *Case){
		"it says of no input when it counts":                    func(c *Case) { c.When = nil },
		`"audio" is no input that is a text`:                    func(c *Case) { c.When[0].Input = "audio" },
		`"nothing" is no input that is a text`:                  func(c *Case) { c.When[0].Input = "nothing" },
		`"slow" is no value that the input engine may have`:     func(c *Case) { c.When[0].Value = "slow" },
		`"size" has to be an output`:                            func(c *Case) { c.When[0] = Choice{"size", "x"} },
		"a pace has more than 0 seconds":                        func(c *Case) { c.Pace.Seconds = 0 },
		"per an input that is a number or an artifact":          func(c *Case) { c.Pace.Per = "engine" },
		"made is an output that is a number":                    func(c *Case) { c.Pace.Made = "engine" },
		"device memory and device count may not be negative":    func(c *Case) { c.Device.Memory = -1 },
		`model_input names "model", which is no input`:          func(c *Case) { c.Device.ModelInput = "model" },
		`size_inputs names "engine", which is no input that is`: func(c *Case) { c.Device.SizeInputs = []string{"engine"} },
	} {
		nt := talker()
		change(&nt.Cases[1])
		if err := nt.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
