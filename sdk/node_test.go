package sdk

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestCurve(t *testing.T) {
	t.Parallel()
	var got []Report
	var task Task
	with := task.WithReporter(func(r Report) { got = append(got, r) })
	var x, y []float64
	for i := range 1000 {
		x, y = append(x, float64(i)), append(y, 2*float64(i))
	}
	with.Curve("loss", x, y)
	with.Curve("loss", x[:3], y[:2])
	with.Curve("none", nil, nil)
	if c := got[0].Curve; got[0].Kind != ReportCurve || c.Name != "loss" || len(c.X) != 250 || c.X[0] != 1.5 || c.Y[249] != 2*c.X[249] || !c.Whole() {
		t.Errorf("%d points, %+v", len(c.X), c)
	}
	if c := got[1].Curve; len(c.X) != 2 || !c.Whole() || !got[2].Curve.Whole() {
		t.Errorf("%+v", c)
	}
}

func TestModelInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input string
		want  string // of the fault
		sizes []string
	}{
		"none":      {},
		"a text":    {input: "model", sizes: []string{"size"}},
		"no input":  {input: "other", want: `model_input names "other", which is no input`},
		"no text":   {input: "size", want: `model_input names the input "size", which is no text`},
		"sensitive": {input: "key", want: `model_input names the input "key", which is sensitive`},
		"no number": {sizes: []string{"size", "model"}, want: `size_inputs names "model", which is no input that is a number`},
		"no size":   {sizes: []string{"width"}, want: `size_inputs names "width"`},
	} {
		nt := NodeType{
			Name: "fake.node", Outputs: Schema{Type: "object"}, Device: &DeviceNeed{ModelInput: c.input, SizeInputs: c.sizes, Exclusive: true}, Parks: true, Workflow: c.input, Generates: true,
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
		if err := json.Unmarshal(nt.AppendJSON(nil), &back); err != nil || back.Device.ModelInput != c.input || back.Workflow != c.input || !slices.Equal(back.Device.SizeInputs, c.sizes) || !back.Device.Exclusive || !back.Parks || !back.Generates {
			t.Errorf("%s: read back as %+v, %v", name, back.Device, err)
		}
		plain, err := json.Marshal(nt)
		if err != nil || string(plain) != string(nt.AppendJSON(nil)) {
			t.Errorf("%s: encoding/json writes %s, %v", name, plain, err)
		}
	}
}
