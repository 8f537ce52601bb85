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

	Until hclsyntax.Expression
	Next  hclsyntax.Expression // inputs that differ in the next round; nil: none
}

// MaxRounds is how often a node may repeat.
const MaxRounds = 1000

// Rung is one step of a ladder: what changes when an attempt did not fit its device.
type Rung struct {
	// On is the cause that leads here: sdk.CauseOOM or sdk.CauseSpilling.
	On sdk.Cause

	Set hclsyntax.Expression // merged deeply into the inputs
}

// DegradeCauses are the causes of the language's words for degrade.
var DegradeCauses = map[string]sdk.Cause{"out_of_memory": sdk.CauseOOM, "spilling": sdk.CauseSpilling}
