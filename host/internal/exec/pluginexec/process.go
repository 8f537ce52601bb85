package pluginexec

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	osexec "os/exec"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// process is one running plugin.
type process struct {
	exec   *Executor
	binary Binary
	client *goplugin.Client
	wire   *wire.Client
	run    *groupRunner
	// proven: it has finished a task.
	proven atomic.Bool
	// verdict is set when the host killed it, once.
	verdict   atomic.Pointer[verdict]
	cleanOnce sync.Once

	mu      sync.Mutex
	retired bool
	tasks   map[*sdk.Task]string // address, for log lines
	idle    chan struct{}        // closed when it is retired and has no task left
}

// verdict is why the host killed a process.
type verdict struct {
	task  *sdk.Task // that did not stop; nil when the process was told to end
	broke bool      // it lived on without keeping to the contract
}

// start runs the program up to the end of its handshake. Its errors are *sdk.Error.
func (e *Executor) start(ctx context.Context, b Binary, devices []string) (*process, error) {
	if err := e.sums.verify(b); err != nil {
		return nil, err
	}
	p := &process{exec: e, binary: b, tasks: map[*sdk.Task]string{}, idle: make(chan struct{})}
	p.run = newGroupRunner(b.Path, e.environ(devices), e.starter, p.logLine)
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.Versions(nil),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, cmd *osexec.Cmd, dir string) (runner.Runner, error) {
			p.run.cmd.Env = append(p.run.cmd.Env, cmd.Env...)
			p.run.socketDir = dir
			return p.run, nil
		},
		SkipHostEnv:      true,
		StartTimeout:     e.config.StartTimeout,
		AutoMTLS:         e.config.MutualTLS,
		Logger:           hclog.NewNullLogger(), // what it would say is in the errors and in the process's own lines
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: e.dir},
	})
	abort := context.AfterFunc(ctx, func() { p.run.kill() })
	defer abort()
	protocol, err := p.client.Client()
	if err != nil {
		defer p.clean()
		if ctx.Err() != nil {
			return nil, ended(ctx, "")
		}
		return nil, p.startError(err)
	}
	raw, err := protocol.Dispense(wire.Name)
	if err != nil {
		defer p.stop()
		return nil, p.startError(err)
	}
	p.wire = raw.(*wire.Client)
	return p, nil
}

// add enters a task; false when the process takes no more.
func (p *process) add(t *sdk.Task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || p.run.ended() {
		return false
	}
	p.tasks[t] = t.Address.String()
	return true
}

func (p *process) remove(t *sdk.Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tasks, t)
	if p.retired && len(p.tasks) == 0 {
		p.rest()
	}
}

// rest lets reap end the process; mu is held.
func (p *process) rest() {
	select {
	case <-p.idle:
	default:
		close(p.idle)
	}
}

// retire lets the process end once its tasks have.
func (p *process) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	if len(p.tasks) == 0 {
		p.rest()
	}
}

// stop ends the process, politely at first.
func (p *process) stop() {
	p.verdict.CompareAndSwap(nil, &verdict{})
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	p.clean()
}

// clean waits for the process to end, killing it when it does not, and frees what go-plugin holds.
func (p *process) clean() {
	p.cleanOnce.Do(func() {
		p.client.Kill()
		p.run.kill()
		if p.run.socketDir != "" {
			os.RemoveAll(p.run.socketDir)
		}
	})
	<-p.run.done
}

// explain turns the error of a call into the task's.
func (p *process) explain(ctx context.Context, t *sdk.Task, err error) error {
	if err == wire.ErrNoAnswer { //nolint:errorlint // Run returns it as it is
		if p.kill(&verdict{task: t}) {
			p.exec.config.Log.Warn("plugin killed: a task did not stop", "plugin", p.binary.Name, "task", t.Address.String())
		}
		return ended(ctx, "the plugin did not stop within "+p.exec.config.Grace.String()+" and its process was killed")
	}
	broken, ok := err.(*wire.ConnError) //nolint:errorlint // Run returns it as it is
	if !ok {
		p.proven.Store(true)
		if ctx.Err() != nil {
			return ended(ctx, sdk.AsError(err).Message)
		}
		if v := p.verdict.Load(); v != nil && v.task == nil {
			return drained(p.binary.Name) // its last words while it was told to end
		}
		return sdk.AsError(err)
	}
	select {
	case <-p.run.done:
	case <-time.After(p.exec.config.Grace): // it lives, but does not keep to the contract
		p.kill(&verdict{broke: true})
	}
	switch v := p.verdict.Load(); {
	case v == nil:
		return crashed(p.binary, p.run)
	case v.broke:
		return brokeContract(p.binary, broken)
	case ctx.Err() != nil:
		return ended(ctx, "its process was killed")
	case v.task != nil:
		return lostWith(p.binary, v.task)
	}
	return drained(p.binary.Name)
}

// kill ends the process at once, and says whether v is why.
func (p *process) kill(v *verdict) bool {
	first := p.verdict.CompareAndSwap(nil, v)
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	p.run.kill()
	p.clean()
	return first
}

// address gives the task that a line of output must belong to; empty when it could be several.
func (p *process) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tasks) != 1 {
		return ""
	}
	for _, a := range p.tasks {
		return a
	}
	return ""
}

// environ is what a plugin sees of the environment.
func (e *Executor) environ(devices []string) []string {
	env := allowed(os.Environ(), e.config.Env)
	if len(devices) > 0 {
		env = append(env, "CUDA_VISIBLE_DEVICES="+joinDevices(devices))
	}
	return append(env, wire.EnvWatch+"=stdin")
}

func joinDevices(devices []string) string {
	out := ""
	for i, d := range slices.Sorted(slices.Values(devices)) {
		if i > 0 {
			out += ","
		}
		out += d
	}
	return out
}
