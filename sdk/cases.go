package sdk

import (
	"slices"
	"strings"
)

// Case is what a node type needs, and how long it takes, where its inputs have certain values: an engine of several.
type Case struct {
	// When are inputs, texts, and the values that they have; a default counts. There are outputs of these names with the same
	// values: by them what is learned is known to be of this case.
	When []Choice `json:"when"`
	// Device is wanted then, in place of NodeType.Device; nil: none.
	Device *DeviceNeed `json:"device,omitempty"`
	// Pace is how fast it goes; nil: nobody knows.
	Pace *Pace `json:"pace,omitempty"`
	// Note is what is said of it wherever it is offered, such as "a preview".
	Note string `json:"note,omitempty"`
	// Instead is what would do where no machine has such a device, or where it takes too long. With it a pipeline is refused
	// before it runs, already by plan, where there is none.
	Instead string `json:"instead,omitempty"`
}

// Choice is one value of an input.
type Choice struct {
	Input string `json:"input"`
	Value string `json:"value"`
}

// Pace is how long a task takes for what it makes.
type Pace struct {
	// Seconds of work for each unit.
	Seconds float64 `json:"seconds"`
	// Per is the input that says how many units there are: a number does as it is, a recording or film by its seconds.
	Per string `json:"per"`
	// Made is the output, a number, that says how many there were: the pace of tasks that ended well counts once there are some.
	Made string `json:"made"`
}

// CaseOf gives the first case that fits inputs, and its place in Cases; -1: none does. Outputs fit, too.
func (t NodeType) CaseOf(v Values) (*Case, int) {
	i := slices.IndexFunc(t.Cases, func(c Case) bool {
		return !slices.ContainsFunc(c.When, func(w Choice) bool {
			x, given := v[w.Input]
			if !given {
				p, _ := t.Inputs.Properties.Get(w.Input)
				x = p.Default
			}
			return x != w.Value
		})
	})
	if i < 0 {
		return nil, i
	}
	return &t.Cases[i], i
}

// DeviceFor gives what a task with these inputs wants of a device; nil: none.
func (t NodeType) DeviceFor(inputs Values) *DeviceNeed {
	if c, _ := t.CaseOf(inputs); c != nil {
		return c.Device
	}
	return t.Device
}

// String gives a case's name, such as engine = latentsync.
func (c *Case) String() string {
	var parts []string
	for _, w := range c.When {
		parts = append(parts, w.Input+" = "+w.Value)
	}
	return strings.Join(parts, ", ")
}

// validateCases says what is wrong with the cases.
func (t NodeType) validateCases(bad func(format string, args ...any)) {
	isNumber := func(s Schema) bool { return s.Type == "number" || s.Type == "integer" }
	for i := range t.Cases {
		c := &t.Cases[i]
		if len(c.When) == 0 {
			bad("case %d: it says of no input when it counts", i+1)
		}
		for _, w := range c.When {
			in, ok := t.Inputs.Properties.Get(w.Input)
			switch {
			case !ok || in.Type != "string" || in.Sensitive:
				bad("case %s: %q is no input that is a text, and not sensitive", c, w.Input)
			case len(in.Enum) > 0 && !slices.Contains(in.Enum, any(w.Value)):
				bad("case %s: %q is no value that the input %s may have", c, w.Value, w.Input)
			}
			if out, ok := t.Outputs.Properties.Get(w.Input); !ok || out.Type != "string" {
				bad("case %s: %q has to be an output, too: by it what is learned is known to be of this case", c, w.Input)
			}
		}
		t.validateNeed(c.Device, bad)
		if p := c.Pace; p != nil {
			in, _ := t.Inputs.Properties.Get(p.Per)
			made, _ := t.Outputs.Properties.Get(p.Made)
			if !(p.Seconds > 0) || !isNumber(in) && in.XType != XArtifact || !isNumber(made) {
				bad("case %s: a pace has more than 0 seconds, per an input that is a number or an artifact, and made is an output that is a number", c)
			}
		}
	}
}

// validateNeed says what is wrong with what is wanted of a device.
func (t NodeType) validateNeed(d *DeviceNeed, bad func(format string, args ...any)) {
	if d == nil {
		return
	}
	if d.Memory < 0 || d.Count < 0 {
		bad("device memory and device count may not be negative")
	}
	if d.ModelInput != "" {
		t.validateText("device: model_input", d.ModelInput, bad)
	}
	for _, name := range d.SizeInputs {
		if in, ok := t.Inputs.Properties.Get(name); !ok || in.Type != "number" && in.Type != "integer" {
			bad("device: size_inputs names %q, which is no input that is a number", name)
		}
	}
}
