package wasmexec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
	"github.com/myspinbot/spinbot/sdk"
)

// A call is one stretch of a guest's work: under a deadline, stopped when its context or the executor ends.
type call struct {
	m      *module
	box    *sandbox
	what   string // for messages: the node type
	limits sdk.Limits
	ctx    context.Context // what the guest is called with
	began  time.Time
	undo   []func()
}

// begin gives the sandbox to a task (nil: to none) and starts the deadline.
func (m *module) begin(ctx context.Context, box *sandbox, what string, t *sdk.Task, l sdk.Limits, files *artifacts) *call {
	c := &call{m: m, box: box, what: what, limits: l, began: time.Now(), ctx: box.ctx}
	box.reset(t, l, files)
	box.start(ctx, m.e.base, c.began.Add(l.Time), l.Budget)
	box.door = door{e: m.e}
	if m.unmetered == nil {
		return c
	}
	inner, cancel := context.WithCancelCause(ctx)
	box.door.clock = newStopwatch(l.Time, func() { cancel(errTooLong) })
	stopWatch := context.AfterFunc(m.e.base, func() { cancel(errClosed) })
	c.ctx = context.WithValue(inner, sandboxKey{}, box)
	c.undo = []func(){func() { stopWatch() }, func() { cancel(nil) }, box.door.clock.stop}
	box.cancel = cancel
	return c
}

// end takes the sandbox back.
func (c *call) end() {
	for _, undo := range c.undo {
		undo()
	}
	c.account()
	c.box.task, c.box.files, c.box.cancel, c.box.parent, c.box.door.answer = nil, nil, nil, nil, nil
}

// account reports what the task has used.
func (c *call) account() {
	box := c.box
	if box.task == nil {
		return
	}
	u := sdk.Usage{
		Memory: int64(box.memory.most), In: box.in, Out: box.out, Calls: box.calls, Grants: box.used(), CPU: c.ran().Microseconds(),
		MemoryTime: int64(box.memory.most) >> 10 * time.Since(c.began).Microseconds() / (1 << 10 * 1000),
	}
	if c.m.unmetered == nil {
		u.Cost, u.Model = box.cost(), meter.Model
	}
	box.task.Report(sdk.Report{Kind: sdk.ReportUsage, Usage: &u})
}

// cause is why the guest was stopped; nil when it ended by itself.
func (c *call) cause() error {
	if c.m.unmetered != nil {
		return context.Cause(c.ctx)
	}
	return c.box.cause
}

// start makes an instance; nothing of it runs yet but a start section.
func (m *module) start(c *call, box *sandbox, config wazero.ModuleConfig) (mod api.Module, err error) {
	defer func() {
		if p := recover(); p != nil { // wazero's only answer to memory refused at the start
			err = c.explain(fmt.Errorf("%v", p))
		}
	}()
	mod, err = m.runtime.InstantiateModule(box.withMemory(c.ctx), m.compiled, config)
	if err != nil {
		return nil, c.explain(err)
	}
	if m.unmetered == nil {
		box.left, _ = mod.ExportedGlobal(meter.Fuel).(api.MutableGlobal)
	}
	return mod, nil
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + cut(s, 200)
}

// cut shortens s to at most most bytes of whole characters.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(s, "\n", n+1)
	if len(lines) > n {
		lines[n] = "…"
	}
	return strings.Join(lines, "\n")
}
