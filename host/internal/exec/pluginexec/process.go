package pluginexec

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	osexec "os/exec"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

var _ runner.Runner = (*group.Program)(nil)

// process is one running plugin.
type process struct {
	exec      *Executor
	family    string // empty: it only describes itself
	binary    Binary
	devices   []string
	started   time.Time
	kills     int64 // oomKills when it started; negative: unknown
	client    *goplugin.Client
	wire      *wire.Client
	run       *group.Program
	socketDir string
	tail      tail
	holds     residency
	// proven: it has finished a task.
	proven atomic.Bool
	// verdict is set when the host killed it, once.
	verdict   atomic.Pointer[verdict]
	cleanOnce sync.Once

	mu       sync.Mutex
	taking   bool // its start is over
	retired  bool
	uses     int // tasks that ever entered
	tasks    map[*sdk.Task]entered
	lastUsed time.Time
	idle     chan struct{} // closed when it is retired and has no task left
	stopIdle func() bool   // of the timer that ends it when nobody needs it; nil: none runs
}

// entered is what is known of a task in a process.
type entered struct {
	address string // for log lines
	mark    int    // where the output stood
}

// verdict is why the host killed a process.
type verdict struct {
	task  *sdk.Task // that did not stop; nil when the process was told to end
	broke bool      // it lived on without keeping to the contract
}

// start runs the program up to the end of its handshake. Its errors are *sdk.Error.
func (e *Executor) start(ctx context.Context, b Binary, devices []string, family string) (*process, error) {
	if err := e.sums.Verify(b.Name, b.Path, b.SHA256); err != nil {
		return nil, err
	}
	p := &process{
		exec: e, family: family, binary: b, devices: devices, started: time.Now(), kills: -1,
		tasks: map[*sdk.Task]entered{}, idle: make(chan struct{}),
	}
	if n, ok := e.oomKills(); ok {
		p.kills = n
	}
	p.lastUsed = p.started
	p.run = group.New(b.Path, e.environ(b, devices), e.starter, p.logLine)
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.Versions(nil),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, cmd *osexec.Cmd, dir string) (runner.Runner, error) {
			p.run.AddEnv(cmd.Env...)
			p.socketDir = dir
			return p.run, nil
		},
		SkipHostEnv:      true,
		StartTimeout:     e.config.StartTimeout,
		AutoMTLS:         e.config.MutualTLS,
		Logger:           hclog.NewNullLogger(), // what it would say is in the errors and in the process's own lines
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: e.dir},
	})
	e.mu.Lock()
	e.live[p] = true
	e.mu.Unlock()
	abort := context.AfterFunc(ctx, p.run.End)
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
	if e.config.Started != nil {
		e.config.Started(b.Name)
	}
	return p, nil
}

// ready lets tasks in.
func (p *process) ready() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taking = true
	p.rearm()
}

func (p *process) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taking
}

// add enters a task; false when the process takes no more, or no fresh one.
func (p *process) add(t *sdk.Task, fresh bool) bool {
	mark := p.tail.mark()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || p.run.Ended() || fresh && p.uses > 0 {
		return false
	}
	p.disarm()
	p.uses++
	p.tasks[t] = entered{t.Address.String(), mark}
	return true
}

func (p *process) remove(t *sdk.Task) {
	p.mu.Lock()
	delete(p.tasks, t)
	p.lastUsed = time.Now()
	if len(p.tasks) == 0 {
		if p.retired {
			p.rest()
		}
		p.rearm()
	}
	p.mu.Unlock()
	p.ask()
}

// rearm lets a process on devices end once nobody has needed it for a while; mu is held.
func (p *process) rearm() {
	if len(p.devices) == 0 || p.exec.config.IdleTimeout < 0 || p.retired {
		return
	}
	p.disarm()
	uses := p.uses
	p.stopIdle = p.exec.after(p.exec.config.IdleTimeout, func() { p.tired(uses) })
}

// disarm is called with mu held.
func (p *process) disarm() {
	if p.stopIdle != nil {
		p.stopIdle()
		p.stopIdle = nil
	}
}

// tired ends a process that no task entered since it was the uses-th time that one did.
func (p *process) tired(uses int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || p.uses != uses || len(p.tasks) > 0 {
		return
	}
	p.exec.config.Log.Info("plugin ended: it had nothing to do", "plugin", p.binary.Name, "devices", p.devices, "for", p.exec.config.IdleTimeout)
	p.retired = true
	p.rest()
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
	if !p.retired {
		p.retired = true
		p.disarm()
		if len(p.tasks) == 0 {
			p.rest()
		}
	}
}

// claim retires a process that has no task, for the caller to end; false when it is at work or about to be.
func (p *process) claim() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.taking || len(p.tasks) > 0 {
		return false
	}
	p.retired = true
	p.disarm()
	return true
}

// pastUse says that no task will enter that could not enter a new process as well.
func (p *process) pastUse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.retired || p.uses > 0 || p.run.Ended()
}

// died says that it ended by itself.
func (p *process) died() bool { return p.run.Ended() && p.verdict.Load() == nil }

// stop ends the process, politely at first.
func (p *process) stop() {
	p.verdict.CompareAndSwap(nil, &verdict{})
	p.mu.Lock()
	p.retired = true
	p.disarm()
	p.mu.Unlock()
	p.clean()
}

// kill ends the process at once, and says whether v is why.
func (p *process) kill(v *verdict) bool {
	first := p.verdict.CompareAndSwap(nil, v)
	p.mu.Lock()
	p.retired = true
	p.disarm()
	p.mu.Unlock()
	p.run.End()
	p.clean()
	return first
}

// clean waits until all of the process is gone, killing it when it does not end, and frees what go-plugin holds.
func (p *process) clean() {
	p.cleanOnce.Do(func() {
		p.client.Kill()
		p.run.End()
		if p.socketDir != "" {
			os.RemoveAll(p.socketDir)
		}
	})
	<-p.run.Done()
	p.exec.mu.Lock()
	known := p.exec.live[p]
	delete(p.exec.live, p)
	p.exec.mu.Unlock()
	if left := p.run.Facts().Left; known && len(left) > 0 {
		p.exec.config.Log.Error((&LeftError{p.binary.Name, p.devices, left}).Error())
	}
}

// address gives the task that a line of output must belong to; empty when it could be several.
func (p *process) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tasks) != 1 {
		return ""
	}
	for _, t := range p.tasks {
		return t.address
	}
	return ""
}
