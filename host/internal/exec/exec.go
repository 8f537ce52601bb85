// Package exec owns how a task is carried out: the Executor, and decorators that route, lease and time-limit.
// Its sub-packages are adapters that know neither each other nor the engine.
package exec

import (
	"context"

	"github.com/myspinbot/spinbot/sdk"
)

// Executor carries out tasks. It is safe for concurrent use.
type Executor interface {
	// Execute runs one task to its end. Artifact inputs carry local paths; artifacts in the result carry Path
	// when they are new. reports go to t.Report. The error is an *sdk.Error whenever the cause is known.
	// Execute returns soon after ctx ends (within the grace it was built with), with every process it
	// started for this task alone gone.
	Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error)
}

// Func is an Executor made of a function.
type Func func(ctx context.Context, t *sdk.Task) (sdk.Result, error)

// Execute calls f.
func (f Func) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) { return f(ctx, t) }
