// Package pluginexec carries out tasks in plugin processes: go-plugin over gRPC on a unix socket in a private folder.
//
// There is one warm process per plugin and set of devices, started by the first task that needs it, with many tasks
// in flight. A process is verified by checksum before it starts, sees an allow-list of the environment, leads its
// own process group and is killed as a group. A crash ends only the tasks in that process; a task that does not stop
// when asked to has its process killed, and the other tasks in it are lost, not failed. The next task starts a new
// process. What a process prints goes to the log with the plugin's name, and the task's address where it is known.
package pluginexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Binary is a plugin's program and the checksum under which it is trusted.
type Binary struct {
	Name   string // the plugin's
	Path   string
	SHA256 string // "sha256:" and 64 hexadecimal digits
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
	// Grace is how long a task may take to stop once its context ended; 5 s when zero.
	Grace time.Duration
	// Env names variables that plugins see beside the allow-list.
	Env []string
	// MutualTLS encrypts the socket with go-plugin's AutoMTLS. It makes a cold start some 30 ms slower; a socket in
	// a folder that only this user can enter does not need it.
	MutualTLS bool
	Log       *slog.Logger
}

// ErrClosed says that the executor takes no more tasks.
var ErrClosed = errors.New("the host is shutting down")

// Executor carries out tasks in plugin processes.
type Executor struct {
	config  Config
	dir     string
	ownDir  bool
	starter *starter
	sums    sums
	closing chan struct{}

	mu     sync.Mutex
	closed bool
	slots  map[string]*slot
	owned  sync.WaitGroup // goroutines and processes
}

// New makes an executor; Close ends it.
func New(c Config) (*Executor, error) {
	if c.StartTimeout == 0 {
		c.StartTimeout = 10 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	dir, own, err := socketDir(c.SocketDir)
	if err != nil {
		return nil, fmt.Errorf("folder for plugin sockets: %w", err)
	}
	return &Executor{
		config: c, dir: dir, ownDir: own, starter: newStarter(), closing: make(chan struct{}), slots: map[string]*slot{},
	}, nil
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
	p, err := e.start(ctx, b, nil)
	if err != nil {
		return sdk.Manifest{}, err
	}
	defer p.stop()
	ctx, cancel := context.WithTimeout(ctx, e.config.StartTimeout)
	defer cancel()
	m, err := p.wire.Describe(ctx)
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
	close(e.closing)
	for _, s := range e.slots {
		if s.process != nil {
			e.owned.Go(s.process.stop)
		}
	}
	e.mu.Unlock()
	e.owned.Wait()
	e.starter.close()
	if e.ownDir {
		return os.RemoveAll(e.dir)
	}
	return nil
}
