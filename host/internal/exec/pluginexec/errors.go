package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// ended says why a task whose context ended did. An *sdk.Error as the context's cause is the reason itself.
func ended(ctx context.Context, detail string) *sdk.Error {
	var given *sdk.Error
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &given):
		e := *given
		if e.Detail == "" {
			e.Detail = detail
		}
		return &e
	case errors.Is(cause, context.DeadlineExceeded):
		return &sdk.Error{Cause: sdk.CauseHung, Message: "the task was still running at its deadline",
			Hint: "raise the node's timeout if it needs more time", Detail: detail}
	case errors.Is(cause, context.Canceled):
		return &sdk.Error{Cause: sdk.CauseCancelled, Message: "the task was cancelled", Detail: detail}
	default:
		return &sdk.Error{Cause: sdk.CauseCancelled, Message: "the task was cancelled: " + cause.Error(), Detail: detail}
	}
}

func refusal(err error) *sdk.Error {
	e := *sdk.AsError(err)
	e.Cause, e.Permanent = sdk.CauseRefused, true
	return &e
}

func drained(plugin string) *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseDrained, Message: "plugin " + plugin + " was ended: " + ErrClosed.Error()}
}

func lostWith(b Binary, hung *sdk.Task) *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseLost, Message: fmt.Sprintf(
		"the process of plugin %s was killed because another task in it, %s, did not stop; this task was lost with it", b.Name, hung.Address)}
}

func brokeContract(b Binary, err *wire.ConnError) *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("plugin %s broke off: %v; its process was killed", b.Name, err.Err),
		Hint: "this is a mistake in the plugin: tell its author"}
}

func unstable(b Binary) *sdk.Error {
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("plugin %s ended again and again right after its start (%s)", b.Name, b.Path),
		Hint: "run it by hand to see why"}
}

// startLast is how long a program that did not become a plugin is waited for, so that it can be said how it ended.
const startLast = 500 * time.Millisecond

// startError says why a program did not become a plugin: it names the file, the cause and what to do. It is a refusal,
// unless somebody killed the program, which says nothing against it.
func (p *process) startError(err error) *sdk.Error {
	b := p.binary
	refuse := func(hint, format string, args ...any) *sdk.Error {
		return &sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Hint: hint, Detail: p.tail.String(),
			Message: fmt.Sprintf("plugin %s: ", b.Name) + fmt.Sprintf(format, args...)}
	}
	var asked *exec.Error
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return refuse("install the plugin's build for this machine", "%s is not a program for %s/%s", b.Path, runtime.GOOS, runtime.GOARCH)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.As(err, &asked):
		return refuse("install the plugin again", "%s cannot be started: %v", b.Path, err)
	}
	select { // a connection that broke is often the first that is seen of an end
	case <-p.run.Done():
	case <-time.After(startLast):
	}
	facts := p.run.Facts()
	line, state, killed := facts.FirstLine, facts.State, facts.Killed
	parts := strings.Split(line, "|")
	switch {
	case !killed && wasKilled(state):
		return &sdk.Error{Cause: sdk.CauseFailed, Hint: killedHint, Detail: p.tail.String(), Message: fmt.Sprintf("plugin %s: %s was killed at its start", b.Name, b.Path)}
	case len(parts) >= 5 && parts[4] != "grpc":
		return refuse("build it with sdk/serve", "%s speaks %q, not gRPC", b.Path, parts[4])
	case len(parts) >= 4 && parts[1] != fmt.Sprint(wire.ProtocolVersion):
		return refuse("build the plugin with a newer sdk, or update spinbot, whichever is older",
			"%s speaks version %s of the plugin protocol, this host speaks version %d", b.Path, parts[1], wire.ProtocolVersion)
	case len(parts) >= 4 && !killed:
		return refuse("run it by hand to see why", "%s ended right after its start: %s", b.Path, howEnded(state))
	case len(parts) >= 4:
		return refuse("tell its author", "%s did not finish its start: %v", b.Path, err)
	case line != "":
		return refuse("binary in plugin.hcl must name a program made with sdk/serve", "%s is not a plugin: it printed %s", b.Path, quoteShort(line))
	case killed || state == nil:
		return refuse("run it by hand to see what it waits for", "%s hung at its start: no handshake within %s", b.Path, p.exec.config.StartTimeout)
	case state.Success():
		return refuse("binary in plugin.hcl must name a program made with sdk/serve", "%s is not a plugin: it ended without a handshake", b.Path)
	}
	return refuse("the last lines it printed may say why; run it by hand", "%s crashed at its start: %s", b.Path, howEnded(state))
}

func quoteShort(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%q", s)
}
