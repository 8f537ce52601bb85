package wasmexec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/sys"

	"github.com/myspinbot/spinbot/sdk"
)

// limits are those of a task: what it asks for, or the executor's. Asking for more than the ceilings is refused, but
// for time: a timeout says how long is too long, and is often far longer than anything takes.
func (e *Executor) limits(t *sdk.Task) (sdk.Limits, error) {
	asked, most := t.Limits, e.config.Ceilings
	for _, c := range []struct {
		name        sdk.Limit
		asked, most int64
		write       func(int64) string
	}{
		{sdk.LimitMemory, asked.Memory, most.Memory, size},
		{sdk.LimitBudget, asked.Budget, most.Budget, units},
		{sdk.LimitOutput, asked.Output, most.Output, size},
		{sdk.LimitLog, asked.Log, most.Log, size},
		{sdk.LimitCalls, asked.Calls, most.Calls, units},
	} {
		if c.asked > c.most {
			return sdk.Limits{}, &sdk.Error{
				Cause: sdk.CauseRefused, Permanent: true, Limit: c.name,
				Message: fmt.Sprintf("%s asks for the limit %s = %s; this host gives at most %s", t.Type, c.name, c.write(c.asked), c.write(c.most)),
				Hint:    "ask for less, or start the host with --limit " + string(c.name) + "=" + strings.ReplaceAll(c.write(c.asked), " ", ""),
			}
		}
	}
	asked.Time = min(asked.Time, most.Time)
	return fill(asked, e.config.Limits), nil
}

// fill gives each limit that is not set that of another.
func fill(l, other sdk.Limits) sdk.Limits {
	return sdk.Limits{
		Memory: orElse(l.Memory, other.Memory), Time: orElse(l.Time, other.Time), Budget: orElse(l.Budget, other.Budget),
		Output: orElse(l.Output, other.Output), Log: orElse(l.Log, other.Log), Calls: orElse(l.Calls, other.Calls),
	}
}

// lower gives the lower of each limit.
func lower(l, other sdk.Limits) sdk.Limits {
	return sdk.Limits{
		Memory: min(l.Memory, other.Memory), Time: min(l.Time, other.Time), Budget: min(l.Budget, other.Budget),
		Output: min(l.Output, other.Output), Log: min(l.Log, other.Log), Calls: min(l.Calls, other.Calls),
	}
}

// size writes a limit for people.
func size(n int64) string { return sdk.FormatSize(n) }

func units(n int64) string { return strconv.FormatInt(n, 10) }

// The limits that stop a guest.
var (
	errTooLong = errors.New("time")
	errBudget  = errors.New("budget")
	errOutput  = errors.New("output")
	errCalls   = errors.New("calls")
)

// explain turns the way in which a guest was stopped into an error for people.
func (c *call) explain(err error) error {
	printed := c.box.stderr.text()
	limited := func(l sdk.Limit, cause sdk.Cause, why, hint string) error {
		return &sdk.Error{Cause: cause, Limit: l, Permanent: cause != sdk.CauseHung, Detail: printed, Message: c.what + " " + why, Hint: hint}
	}
	switch cause := c.cause(); {
	case errors.Is(cause, errTooLong):
		return limited(sdk.LimitTime, sdk.CauseHung,
			fmt.Sprintf("was stopped after %s: it has %s", seconds(c.ran()), seconds(c.limits.Time)),
			"look for a loop that does not end, or raise the node's timeout (and --limit time, which is "+c.m.e.config.Ceilings.Time.String()+")")
	case errors.Is(cause, errBudget):
		return limited(sdk.LimitBudget, sdk.CauseFailed,
			fmt.Sprintf("was stopped after %d units of work: its budget is %d", c.box.cost(), c.limits.Budget),
			"give it less to work on, or raise limits.budget of the node")
	case errors.Is(cause, errCalls):
		return limited(sdk.LimitCalls, sdk.CauseFailed,
			fmt.Sprintf("was stopped after %d calls of the host", c.limits.Calls), "look for a loop that does not end, or raise limits.calls of the node")
	case errors.Is(cause, errOutput):
		return c.tooMuch("more")
	case cause != nil:
		e := *stopped(c.what, cause)
		if e.Cause == sdk.CauseHung {
			e.Message += " (it ran for " + seconds(c.ran()) + ")"
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

// ran is for how long the guest computed.
func (c *call) ran() time.Duration { return time.Since(c.began) - c.box.waited }

func (c *call) outOfMemory(printed string) error {
	asked := ""
	if n := c.box.memory.refused; n > uint64(c.limits.Memory) {
		asked = " (it asked for " + size(int64(n)) + ")"
	}
	return &sdk.Error{
		Cause: sdk.CauseFailed, Permanent: true, Limit: sdk.LimitMemory, Detail: printed,
		Message: c.what + " needs more memory than its limit of " + size(c.limits.Memory) + asked,
		Hint:    "give it less to work on at once, or raise limits.memory of the node",
	}
}

func (c *call) tooMuch(got string) error {
	return &sdk.Error{
		Cause: sdk.CauseFailed, Permanent: true, Limit: sdk.LimitOutput,
		Message: c.what + " returned " + got + "; it may return " + size(c.limits.Output),
		Hint:    "return less, raise limits.output of the node, or use a plugin's node type, which can make artifacts",
	}
}
