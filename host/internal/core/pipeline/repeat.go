package pipeline

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/sdk"
)

// Repeat runs a node or a module again until its result is good enough.
type Repeat struct {
	// Max is how many rounds there are at most, from 1.
	Max int
	// OnExhausted says what it means that Max rounds were not enough: FailRun or Continue.
	OnExhausted string

	until hclsyntax.Expression
	next  hclsyntax.Expression // inputs that differ in the next round; nil: none
	rng   Range
}

// MaxRounds is how often a node may repeat.
const MaxRounds = 1000

// repeatBlock reads repeat { max, until, next, on_exhausted }.
func (l *loader) repeatBlock(n *Node, b *hclsyntax.Block) {
	r := &Repeat{OnExhausted: FailRun, rng: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"max":          l.number(&r.Max, 1, MaxRounds),
		"until":        func(e hclsyntax.Expression) { r.until = e },
		"next":         func(e hclsyntax.Expression) { r.next = e },
		"on_exhausted": l.choice(&r.OnExhausted, FailRun, Continue),
	})
	l.noBlocks(b)
	for _, name := range []string{"max", "until"} {
		if _, given := b.Body.Attributes[name]; !given {
			l.fail(b.DefRange(), "write it repeat { max = 3, until = self.score >= 0.8 }, each on its line", "repeat without %s", name)
			return
		}
	}
	n.Repeat = r
}

// Rung is one step of a ladder: what changes when an attempt did not fit its device.
type Rung struct {
	// On is the cause that leads here: sdk.CauseOOM or sdk.CauseSpilling.
	On sdk.Cause

	set hclsyntax.Expression // merged deeply into the inputs
	rng Range
}

// causes of the language's words for degrade.
var degradeCauses = map[string]sdk.Cause{"out_of_memory": sdk.CauseOOM, "spilling": sdk.CauseSpilling}

// degradeBlock reads degrade { on, set }.
func (l *loader) degradeBlock(n *Node, b *hclsyntax.Block) {
	l.labels(b, "degrade { }", 0)
	on := "out_of_memory"
	rung := Rung{rng: rangeOf(b.DefRange())}
	l.attributes(b, map[string]func(hclsyntax.Expression){
		"on":  l.choice(&on, sorted(degradeCauses)...),
		"set": func(e hclsyntax.Expression) { rung.set = e },
	})
	l.noBlocks(b)
	if _, given := b.Body.Attributes["set"]; !given {
		l.fail(b.DefRange(), "write the inputs that differ: set = { width = 768 }", "degrade without set")
		return
	}
	rung.On = degradeCauses[on]
	n.Degrade = append(n.Degrade, rung)
}
