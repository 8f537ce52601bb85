package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// What is warned of.
const (
	long = time.Hour        // that a node takes
	slow = 10 * time.Second // for each second of a recording whose length is not known
)

// place says what a node asks of devices: the instance that asks for most.
func (f *frame) place(at *Node, n *pipeline.Node, inputs []sdk.Values) {
	at.Inputs = inputs[0]
	for _, in := range inputs {
		if d, ok := n.Wants(in); ok && (at.Device == nil || d.Memory > at.Device.Memory) {
			at.Device, at.Inputs = &d, in
		}
	}
	if at.Device != nil && f.from.Where != nil {
		at.Where, at.Waits = f.from.Where(n, *at.Device, at.Inputs)
	}
}

// took adds a node's work up and gives how long the node takes when its instances go side by side.
func (f *frame) took(at *Node, n *pipeline.Node, inputs []sdk.Values) time.Duration {
	if at.Verdict != Runs && at.Verdict != Unknown || n.Kind != pipeline.KindNode {
		return 0
	}
	var past []Past
	if f.from.Past != nil {
		past = f.from.Past(at.At)
	}
	f.plan.Complete = f.plan.Complete && at.Instances >= 0
	for k, in := range inputs {
		e := f.expect(n.Type, in, past)
		f.plan.Complete = f.plan.Complete && e.each > 0
		if at.Instances >= 0 {
			f.plan.Work += e.each
		}
		if k == 0 || e.each > at.Each {
			at.Case, at.Each, at.Samples, at.Warns = e.c, e.each, e.samples, e.warning()
		}
	}
	return at.Each
}

// expected is how long an instance will take.
type expected struct {
	c       *sdk.Case
	each    time.Duration // 0: nobody knows
	samples int           // 0: its node type says so
	rate    time.Duration // of each unit of its pace
	work    string        // how much there is to do, such as "80 seconds of audio"
	open    bool          // the length of a recording is not known
}

// expect says how long an instance will take: as long as those before it of its case did, for each second or step; else as its
// node type says.
func (f *frame) expect(t sdk.NodeType, inputs sdk.Values, past []Past) expected {
	c, k := t.CaseOf(inputs)
	e := expected{c: c}
	var pace *sdk.Pace
	units := 1.0
	if c != nil && c.Pace != nil {
		pace = c.Pace
		units, e.work = f.units(pace.Per, inputs[pace.Per])
		in, _ := t.Inputs.Properties.Get(pace.Per)
		e.open = units == 0 && in.XType == sdk.XArtifact
	}
	var rates []time.Duration
	for _, p := range past {
		if _, of := t.CaseOf(p.Outputs); of != k {
			continue
		}
		made := 1.0
		if pace != nil {
			made = number(p.Outputs[pace.Made])
		}
		if made > 0 {
			rates = append(rates, time.Duration(float64(p.Lasted)/made))
		}
	}
	switch {
	case len(rates) > 0:
		slices.Sort(rates)
		e.rate, e.samples = rates[len(rates)/2], len(rates)
	case pace != nil:
		e.rate = time.Duration(pace.Seconds * float64(time.Second))
	}
	e.each = time.Duration(float64(e.rate) * units)
	return e
}

// units gives how much an input says there is to do, a number or the seconds of a recording, and says so; 0: nobody knows.
func (f *frame) units(name string, x any) (float64, string) {
	if a, ok := x.(sdk.Artifact); ok && f.from.Length != nil {
		if _, known := f.lengths[a.Digest]; !known {
			f.lengths[a.Digest] = f.from.Length(a)
		}
		n := f.lengths[a.Digest].Seconds()
		return n, fmt.Sprintf("%.0f seconds of %s", n, name)
	}
	n := number(x)
	return n, fmt.Sprintf("%.0f %s", n, name)
}

func number(x any) float64 {
	n, _ := x.(json.Number)
	v, err := n.Float64()
	if err != nil {
		return 0
	}
	return v
}

// warning says that an instance takes hours, or may, why that is so, and what would be quicker; empty: it does not.
func (e *expected) warning() string {
	var text string
	minutes := int(e.each.Round(time.Minute).Minutes())
	switch {
	case e.each >= long && e.work == "":
		text = fmt.Sprintf("it takes about %d h %d min", minutes/60, minutes%60)
	case e.each >= long:
		text = fmt.Sprintf("it takes about %d h %d min: %s, %s", minutes/60, minutes%60, e.c, e.work)
	case e.open && e.rate >= slow:
		text = fmt.Sprintf("it may take long: %s, about %s for each second of %s, and its length is not known yet", e.c, e.rate.Round(time.Second), e.c.Pace.Per)
	}
	if text != "" && e.c != nil && e.c.Instead != "" {
		text += "; " + e.c.Instead
	}
	return text
}
