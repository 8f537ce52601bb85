// Package pluginexec carries out tasks in plugin processes: go-plugin over gRPC on a unix socket in a private folder.
//
// There is one warm process per plugin and set of devices, started by the first task that needs it, with many tasks
// in flight. A process is verified by checksum before it starts, sees an allow-list of the environment and its own
// devices, and is killed with all that it started. A crash ends only the tasks in that process; a task that does not
// stop when asked to has its process killed, and the other tasks in it are lost, not failed. The next task starts a new
// process. What a process prints goes to the log with the plugin's name, and the task's address where it is known.
//
// A process on devices holds memory that others want: Warm tells of it, Unload and Evict free it, a process that had
// nothing to do for a while is ended, and a new one begins only when the one before it on the same devices is gone.
package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/checksum"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/pin"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/symptom"
	"github.com/myspinbot/spinbot/sdk"
)

// Binary is a plugin's program and the checksum under which it is trusted.
type Binary struct {
	Name   string // the plugin's
	Path   string
	SHA256 string // "sha256:" and 64 hexadecimal digits
	// UsesDevices: some of its node types want a device. Its processes see the devices of their tasks and no other, so
	// that one without any cannot take memory that nobody granted.
	UsesDevices bool
	// Tells: it can say what its engine has installed.
	Tells bool
}

// Config says how plugins are found and started.
type Config struct {
	// Resolve gives the program that offers a node type; its error is shown to the person.
	Resolve func(nodeType string) (Binary, error)
	// Configure gives a plugin's configuration when its process starts; nil when no plugin has any. Its error refuses the
	// tasks that wait for the process.
	Configure func(ctx context.Context, plugin string) (sdk.Values, error)
	// SocketDir is made private (0700) and holds the sockets; it belongs to this executor alone. Empty, or too long
	// for a socket's path: a new folder among the temporary files.
	SocketDir string
	// StartTimeout is how long a plugin may take to say that it is ready; 10 s when zero.
	StartTimeout time.Duration
	// IdleTimeout ends a process on devices that had no task for so long; 10 minutes when zero, never when negative.
	IdleTimeout time.Duration
	// UnloadTimeout is how long a plugin may take to free memory when told to; 10 s when zero.
	UnloadTimeout time.Duration
	// Kind says what a device is, so that it is pinned by the right variables; nil: names as NVIDIA gives them count
	// as CUDA devices, others as simulated ones.
	Kind func(uuid string) device.Kind
	// Grace is how long a task may take to stop once its context ended; 5 s when zero.
	Grace time.Duration
	// Env names variables that plugins see beside the allow-list.
	Env []string
	// MutualTLS encrypts the socket with go-plugin's AutoMTLS. It makes a cold start some 30 ms slower; a socket in
	// a folder that only this user can enter does not need it.
	MutualTLS bool
	// Started is told of each process that begins, by its plugin's name; nil: nobody counts. It must not block.
	Started func(plugin string)
	Log     *slog.Logger
}

// ErrClosed says that the executor takes no more tasks.
var ErrClosed = errors.New("the host is shutting down")

// Executor carries out tasks in plugin processes.
type Executor struct {
	config   Config
	dir      string
	ownDir   bool
	starter  *group.Starter
	sums     checksum.Sums
	closing  context.Context // ends when Close begins
	close    context.CancelFunc
	after    func(time.Duration, func()) (stop func() bool) // time.AfterFunc, but for tests
	oomKills func() (int64, bool)

	mu     sync.Mutex
	closed bool
	slots  map[string]*slot
	live   map[*process]bool // every process, until all of it is gone
	owned  sync.WaitGroup    // goroutines and processes
}

// New makes an executor; Close ends it.
func New(c Config) (*Executor, error) {
	setDefault(&c.StartTimeout, 10*time.Second)
	setDefault(&c.Grace, 5*time.Second)
	setDefault(&c.IdleTimeout, 10*time.Minute)
	setDefault(&c.UnloadTimeout, 10*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	dir, own, err := socketDir(c.SocketDir)
	if err != nil {
		return nil, fmt.Errorf("folder for plugin sockets: %w", err)
	}
	e := &Executor{
		config: c, dir: dir, ownDir: own, starter: group.NewStarter(), slots: map[string]*slot{}, live: map[*process]bool{},
		after:    func(d time.Duration, fn func()) func() bool { return time.AfterFunc(d, fn).Stop },
		oomKills: func() (int64, bool) { return symptom.KernelKills(os.DirFS("/")) },
	}
	e.closing, e.close = context.WithCancel(context.Background())
	return e, nil
}

func setDefault(d *time.Duration, to time.Duration) {
	if *d == 0 {
		*d = to
	}
}

// maxSocketDir leaves room for what go-plugin appends: a socket's path has at most 103 bytes on every system.
const maxSocketDir = 60

func socketDir(want string) (dir string, own bool, err error) {
	if want == "" || len(want) > maxSocketDir {
		parent := os.TempDir()
		if len(parent) > maxSocketDir-len("/spinbot-4294967295") {
			parent = "/tmp"
		}
		dir, err = os.MkdirTemp(parent, "spinbot-")
		return dir, true, err
	}
	if err := os.MkdirAll(want, 0o700); err != nil {
		return "", false, err
	}
	if err := os.Chmod(want, 0o700); err != nil {
		return "", false, err
	}
	stale, err := filepath.Glob(filepath.Join(want, "plugin-dir*")) // of a host that was killed
	for _, s := range stale {
		os.RemoveAll(s)
	}
	return want, false, err
}

// Execute runs one task in the plugin that offers its node type.
func (e *Executor) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	if ctx.Err() != nil {
		return sdk.Result{}, ended(ctx, "")
	}
	b, err := e.config.Resolve(t.Type)
	if err != nil {
		return sdk.Result{}, refusal(err)
	}
	if l := t.Limits; l != (sdk.Limits{Time: l.Time}) {
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseRefused, Permanent: true,
			Message: t.Type + " runs in a process of its own, which limits do not bind", Hint: "take the limits block out of the node; timeout holds for it, too"}
	}
	if devices := pin.Set(t.Devices); !slices.Equal(devices, t.Devices) {
		inOrder := *t
		inOrder.Devices = devices
		t = &inOrder
	}
	p, err := e.acquire(ctx, b, t)
	if err != nil {
		return sdk.Result{}, err
	}
	defer p.remove(t)
	r, err := p.wire.Run(ctx, t, e.config.Grace)
	if err != nil {
		return sdk.Result{}, p.explain(ctx, t, err)
	}
	p.proven.Store(true)
	return r, nil
}

// spawn runs fn in a goroutine that Close waits for; false when it is too late for that.
func (e *Executor) spawn(fn func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.owned.Go(fn)
	return true
}

// Describe starts the program, asks for its manifest and ends it.
func (e *Executor) Describe(ctx context.Context, b Binary) (sdk.Manifest, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return sdk.Manifest{}, ErrClosed
	}
	e.owned.Add(1)
	e.mu.Unlock()
	defer e.owned.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	b.UsesDevices = true // nobody knows yet; to describe itself it needs none
	p, err := e.start(ctx, b, nil, "")
	if err != nil {
		return sdk.Manifest{}, err
	}
	defer p.stop()
	limited, done := context.WithTimeout(ctx, e.config.StartTimeout)
	defer done()
	m, err := p.wire.Describe(limited)
	if err != nil {
		return m, fmt.Errorf("plugin %s: describe: %w", b.Name, err)
	}
	return m, m.Validate()
}

// Close ends every process, within moments even when some hang. Running tasks end as drained.
func (e *Executor) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.close()
	for p := range e.live {
		if p.isReady() { // the others end by themselves: closing says so
			e.owned.Go(p.stop)
		}
	}
	e.mu.Unlock()
	e.owned.Wait()
	e.starter.Close()
	if e.ownDir {
		return os.RemoveAll(e.dir)
	}
	return nil
}
