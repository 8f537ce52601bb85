package pluginexec

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/symptom"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// explain turns the error of a call into the task's.
func (p *process) explain(ctx context.Context, t *sdk.Task, err error) error {
	if err == wire.ErrNoAnswer { //nolint:errorlint // Run returns it as it is
		if p.kill(&verdict{task: t}) {
			p.exec.config.Log.Warn("plugin killed: a task did not stop", "plugin", p.binary.Name, "task", t.Address.String())
		}
		return ended(ctx, "the plugin did not stop within "+p.exec.config.Grace.String()+" and its process was killed")
	}
	if broken, ok := err.(*wire.ConnError); ok { //nolint:errorlint // Run returns it as it is
		return p.explainBroken(ctx, t, broken)
	}
	p.proven.Store(true)
	awaitEnd(ctx, t, err)
	if ctx.Err() != nil {
		e := ended(ctx, sdk.AsError(err).Message)
		if e.Cause == sdk.CauseHung {
			p.retire() // it does answer, but whatever held the task up may be there still
		}
		return e
	}
	if v := p.verdict.Load(); v != nil && v.task == nil {
		return drained(p.binary.Name) // its last words while it was told to end
	}
	return p.judge(t, sdk.AsError(err))
}

// awaitEnd waits for the end of ctx where the plugin's clock rang first: both ring at the task's deadline, and who set ctx knows
// better why that is the end.
func awaitEnd(ctx context.Context, t *sdk.Task, err error) {
	if sdk.AsError(err).Cause != sdk.CauseHung || t.Deadline.IsZero() || time.Now().Before(t.Deadline) {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// explainBroken says why the connection is gone.
func (p *process) explainBroken(ctx context.Context, t *sdk.Task, broken *wire.ConnError) error {
	select {
	case <-p.run.Done():
	case <-time.After(p.exec.config.Grace): // it lives, but does not keep to the contract
		if !p.run.Ended() {
			p.kill(&verdict{broke: true})
		}
		<-p.run.Done()
	}
	switch v := p.verdict.Load(); {
	case v == nil:
		return p.crashed(t)
	case v.broke:
		return brokeContract(p.binary, broken)
	case ctx.Err() != nil:
		return ended(ctx, "its process was killed")
	case v.task != nil:
		return lostWith(p.binary, v.task)
	}
	return drained(p.binary.Name)
}

const (
	oomHint    = "give the node a smaller task or a device with more memory; a degrade block tries again with less"
	brokenHint = "its process is ended, since what it holds on the device is spoilt; another attempt starts a new one"
	unseenHint = "the task was given no device: give its node a device block"
)

// judge gives a plugin's own failure the cause that its words tell of.
func (p *process) judge(t *sdk.Task, e *sdk.Error) error {
	if e.Cause == sdk.CauseOOM && e.Hint == "" {
		e.Hint = oomHint
	}
	if e.Cause != sdk.CauseFailed {
		return e
	}
	said, line := symptom.Of(e.Message + "\n" + e.Detail)
	return p.diagnose(t, e, said, line)
}

const killedHint = "somebody killed it; often the kernel, when memory runs out"

// crashed is the failure of a task whose process ended by itself.
func (p *process) crashed(t *sdk.Task) error {
	state := p.run.Facts().State
	e := &sdk.Error{
		Cause: sdk.CauseFailed, Detail: p.tail.String(), Hint: "the last lines it printed may say why; another attempt starts a new process",
		Message: fmt.Sprintf("plugin %s crashed: %s", p.binary.Name, howEnded(state)),
	}
	if wasKilled(state) {
		e.Hint = killedHint
		if n, ok := p.exec.oomKills(); ok && p.kills >= 0 && n > p.kills {
			e.Message = fmt.Sprintf("plugin %s was killed by the kernel, it seems: the machine, or this host's share of it, ran out of memory", p.binary.Name)
			e.Hint = "this is the machine's own memory, not a device's: run fewer tasks at once or smaller ones, or give the host more"
		}
	}
	p.mu.Lock()
	mark := p.tasks[t].mark
	p.mu.Unlock()
	said, line := symptom.Of(p.tail.since(mark))
	if said != symptom.None {
		e.Message += ", after it said: " + line
	}
	return p.diagnose(t, e, said, line)
}

// diagnose makes of a failure what a symptom says it is. A process that can do no more is ended once its tasks have.
func (p *process) diagnose(t *sdk.Task, failure *sdk.Error, said symptom.Symptom, line string) error {
	if said == symptom.None {
		return failure
	}
	e := *failure
	e.Permanent = false
	switch {
	case said == symptom.OutOfMemory:
		e.Cause, e.Hint = sdk.CauseOOM, oomHint
	case said == symptom.Broken:
		p.retire()
		e.Hint = brokenHint
	case len(t.Devices) == 0:
		if said == symptom.Unseen {
			e.Permanent, e.Hint = failure.Permanent, unseenHint
		}
	default:
		p.retire()
		p.exec.config.Log.Warn("device lost", "plugin", p.binary.Name, "devices", t.Devices, "task", t.Address.String(), "said", line)
		e.Cause = sdk.CauseLost
		e.Message = fmt.Sprintf("the task lost its device%s: %s", on(t.Devices), e.Message)
		e.Hint = "spinbot devices shows what is measured of it; a device that stays lost needs a restart of the machine"
		return &exec.DeviceLostError{Devices: t.Devices, Err: &e}
	}
	return &e
}

// howEnded gives "exit 2" or "signal: segmentation fault".
func howEnded(state *os.ProcessState) string {
	if state == nil {
		return "it is gone"
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case wasKilled(state):
		return "killed"
	case ok && ws.Signaled():
		return "signal: " + ws.Signal().String()
	}
	return fmt.Sprintf("exit %d", state.ExitCode())
}

func wasKilled(state *os.ProcessState) bool {
	if state == nil {
		return false
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}
