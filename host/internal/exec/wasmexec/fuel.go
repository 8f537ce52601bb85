package wasmexec

import (
	"context"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// slice is how much fuel a guest gets at once: some ten to some hundred microseconds of work. It is what the host's
// garbage collector and a deadline wait for.
const slice = 250_000

// turn is for how long a guest computes before others that wait for a processor come first.
const turn = 200 * time.Microsecond

// fuel is what a metered guest has used and may use, and what stops it. The zero value stops nothing.
type fuel struct {
	left    api.MutableGlobal // the guest's own count; nil before it is made
	granted int64             // of it, when last looked at
	spent   int64             // by the current task, but for what was taken since
	budget  int64             // of the current task

	parent   context.Context // of the current task
	base     context.Context // of the executor
	deadline time.Time
	yielded  time.Time
	waited   time.Duration // for others: that is not the guest's time
	cause    error         // why the current task was stopped
}

// start begins a task, with all fuel still to be granted.
func (f *fuel) start(parent, base context.Context, deadline time.Time, budget int64) {
	f.parent, f.base, f.deadline, f.budget, f.cause = parent, base, deadline, budget, nil
	f.spent, f.granted, f.waited, f.yielded = 0, 0, 0, time.Time{}
	if f.left != nil {
		f.left.Set(0)
	}
}

// cost is how much the current task has used, in units of the cost model.
func (f *fuel) cost() int64 {
	if f.left == nil {
		return 0
	}
	return f.spent + f.granted - int64(f.left.Get())
}

// refill is called by the guest when its fuel is used up. It gives more, or panics with why not.
func (f *fuel) refill(left int64) int64 {
	f.spent += f.granted - left
	f.granted = 0
	now := time.Now()
	if f.cause == nil {
		f.cause = f.over(now)
	}
	if f.cause != nil {
		panic(f.cause)
	}
	if f.yielded.IsZero() {
		f.yielded = now
	} else if now.Sub(f.yielded) > turn {
		runtime.Gosched()
		f.yielded = time.Now()
	}
	f.granted = min(slice, f.budget-f.spent)
	return f.granted
}

// outer is the context of what the guest waits for: it ends with the task's, and with the executor.
func (f *fuel) outer() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(f.parent)
	stop := context.AfterFunc(f.base, func() { cancel(errClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// over says why the guest must not go on; nil: it may.
func (f *fuel) over(now time.Time) error {
	switch {
	case f.parent == nil:
		return errClosed
	case f.parent.Err() != nil:
		return context.Cause(f.parent)
	case f.base.Err() != nil:
		return errClosed
	case now.After(f.deadline):
		return errTooLong
	case f.spent > f.budget:
		return errBudget
	}
	return nil
}

// offerMeter adds the module that a meter imports.
func offerMeter(ctx context.Context, r wazero.Runtime) error {
	i64 := []api.ValueType{api.ValueTypeI64}
	_, err := r.NewHostModuleBuilder(meter.Host).NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
		s, ok := ctx.Value(sandboxKey{}).(*sandbox)
		if !ok {
			panic(errClosed)
		}
		stack[0] = uint64(s.refill(int64(stack[0])))
	}), i64, i64).Export(meter.Refill).Instantiate(ctx)
	return err
}
