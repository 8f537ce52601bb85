package wasmexec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/myspinbot/spinbot/sdk"
)

// A call is one stretch of a guest's work: under a deadline, stopped when its context or the executor ends.
type call struct {
	m     *module
	box   *sandbox
	what  string // for messages: the node type
	ctx   context.Context
	began time.Time
	undo  []func()
}

// begin gives the sandbox to a task (nil: to none) and starts the deadline.
func (m *module) begin(ctx context.Context, box *sandbox, what string, t *sdk.Task, files *artifacts) *call {
	c := &call{m: m, box: box, what: what, began: time.Now()}
	inner, cancel := context.WithCancelCause(ctx)
	box.door = door{e: m.e, clock: newStopwatch(m.e.config.Deadline, func() { cancel(errTooLong) })}
	stopWatch := context.AfterFunc(m.e.base, func() { cancel(errClosed) })
	c.ctx = context.WithValue(inner, sandboxKey{}, box)
	c.undo = []func(){func() { stopWatch() }, func() { cancel(nil) }, box.door.clock.stop}
	box.memory.refused = 0
	box.reset(t, files, cancel)
	return c
}

// end takes the sandbox back.
func (c *call) end() {
	for _, undo := range c.undo {
		undo()
	}
	c.box.task, c.box.files, c.box.cancel, c.box.door.answer = nil, nil, nil, nil
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
	return mod, nil
}

// explain turns the way in which a guest was stopped into an error for people.
func (c *call) explain(err error) error {
	ran := time.Since(c.began) - c.box.door.clock.waited()
	printed := c.box.stderr.text()
	switch cause := context.Cause(c.ctx); {
	case errors.Is(cause, errTooLong):
		return &sdk.Error{
			Cause: sdk.CauseHung, Detail: printed,
			Message: fmt.Sprintf("%s was stopped after %s: a control node has %s", c.what, seconds(ran), seconds(c.m.e.config.Deadline)),
			Hint:    "look for a loop that does not end, or raise the deadline of control nodes",
		}
	case errors.Is(cause, errOutput):
		return c.tooMuch("more")
	case cause != nil:
		e := *stopped(c.what, cause)
		if e.Cause == sdk.CauseHung {
			e.Message += " (it ran for " + seconds(ran) + ")"
		}
		return &e
	case c.box.memory.refused > 0, strings.Contains(printed, "out of memory"):
		return c.outOfMemory(printed)
	}
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		return &sdk.Error{
			Cause: sdk.CauseFailed, Detail: printed,
			Message: fmt.Sprintf("%s ended its instance with exit code %d", c.what, exit.ExitCode()) + colon(firstLine(printed)),
			Hint:    "what it printed is in the detail",
		}
	}
	trap, stack, _ := strings.Cut(strings.TrimPrefix(err.Error(), "wasm error: "), "\nwasm stack trace:\n")
	return &sdk.Error{
		Cause: sdk.CauseFailed, Message: c.what + " trapped: " + firstLine(trap), Hint: "this is a mistake in the node's code",
		Detail: strings.TrimSpace(firstLines(strings.ReplaceAll(stack, "\t", ""), 12) + "\n" + printed),
	}
}

func (c *call) outOfMemory(printed string) error {
	limit := c.m.e.config.MemoryLimit
	asked := ""
	if n := c.box.memory.refused; n > uint64(limit) {
		asked = " (it asked for " + size(int64(n)) + ")"
	}
	return &sdk.Error{
		Cause: sdk.CauseFailed, Permanent: true, Detail: printed,
		Message: c.what + " needs more memory than its limit of " + size(limit) + asked,
		Hint:    "give it less to work on at once, or raise the memory limit of control nodes",
	}
}

func (c *call) tooMuch(got string) error {
	return sdk.Refuse(c.what+" returned "+got+"; a control node may return "+size(c.m.e.config.OutputLimit),
		"return less, or use a plugin's node type, which can make artifacts")
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
