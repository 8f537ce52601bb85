// Package local owns the state directory of one machine: where it is, who holds it, and how everybody else talks to
// the holder. Whoever holds the lock (serve, or a run in another terminal) serves the API on a private unix socket;
// a command that finds the directory held speaks to that socket, any other takes the directory over while it works.
// The lock is flock, never a pid: it goes with the process, however that ends.
package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// State is a state directory.
type State struct {
	Dir string
}

// DefaultDir is $XDG_STATE_HOME/spinbot, else ~/.local/state/spinbot.
func DefaultDir() (string, error) {
	if base := os.Getenv("XDG_STATE_HOME"); base != "" {
		return filepath.Join(base, "spinbot"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("where to keep state: %w; set SPINBOT_STATE_DIR", err)
	}
	return filepath.Join(home, ".local", "state", "spinbot"), nil
}

// Where says where the state directory is, and makes nothing. An empty dir means DefaultDir.
func Where(dir string) (State, error) {
	if dir == "" {
		d, err := DefaultDir()
		if err != nil {
			return State{}, err
		}
		dir = d
	}
	dir, err := filepath.Abs(dir)
	return State{Dir: dir}, err
}

// At makes the state directory (0700) when it is missing. An empty dir means DefaultDir.
func At(dir string) (State, error) {
	s, err := Where(dir)
	if err != nil {
		return State{}, err
	}
	for _, d := range []string{s.Dir, s.Artifacts(), s.Modules(), s.Manifests(), s.Scratch(), s.Logs(), s.Plugins(), s.Control(), s.Pipelines()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return State{}, fmt.Errorf("state directory: %w; choose another with SPINBOT_STATE_DIR", err)
		}
	}
	return s, nil
}

// Database is the SQLite file.
func (s State) Database() string { return filepath.Join(s.Dir, "spinbot.db") }

// NodeState is the SQLite file of what control nodes keep between tasks.
func (s State) NodeState() string { return filepath.Join(s.Dir, "state.db") }

// Artifacts is the folder of the content-addressed store.
func (s State) Artifacts() string { return filepath.Join(s.Dir, "artifacts") }

// Modules is where compiled WASM modules are cached.
func (s State) Modules() string { return filepath.Join(s.Dir, "cache", "wasm") }

// Manifests is where the manifests of plugins and modules are cached.
func (s State) Manifests() string { return filepath.Join(s.Dir, "cache", "manifests") }

// Paused is a file that is there while the queue is paused.
func (s State) Paused() string { return filepath.Join(s.Dir, "queue.paused") }

// Results is where results of nodes are kept for other runs.
func (s State) Results() string { return filepath.Join(s.Dir, "cache", "results") }

// Scratch is where tasks get their folders.
func (s State) Scratch() string { return filepath.Join(s.Dir, "scratch") }

// Logs is where the logs of runs are.
func (s State) Logs() string { return filepath.Join(s.Dir, "logs") }

// Plugins is where a plugin may be dropped in.
func (s State) Plugins() string { return filepath.Join(s.Dir, "plugins.d") }

// Control is where a WASM module may be dropped in.
func (s State) Control() string { return filepath.Join(s.Dir, "control.d") }

// Pipelines is where a pipeline may be dropped in.
func (s State) Pipelines() string { return filepath.Join(s.Dir, "pipelines.d") }

// Holds is where it is kept which devices a person holds.
func (s State) Holds() string { return filepath.Join(s.Dir, "holds.json") }

// Fleet is what a host or an agent keeps of its fleet: its name and keys, what it holds for others.
func (s State) Fleet() string { return filepath.Join(s.Dir, "fleet") }

// Learned is what tasks have taught about their memory and time.
func (s State) Learned() string { return filepath.Join(s.Dir, "learned.json") }

// Models is where the digests of model files are kept.
func (s State) Models() string { return filepath.Join(s.Dir, "models.json") }

// Triggers is where the records of triggers are.
func (s State) Triggers() string { return filepath.Join(s.Dir, "triggers") }

// Retention is where it is kept that somebody was told what goes when.
func (s State) Retention() string { return filepath.Join(s.Dir, "retention.json") }

// Secrets is where secrets are stored, one file each.
func (s State) Secrets() string { return filepath.Join(s.Dir, "secrets") }

// HostKey is what sensitive values are sealed with. Who has it and the database can read them.
func (s State) HostKey() string { return filepath.Join(s.Dir, "host.key") }

// ProvenanceKey is what provenance is signed with. Who has it can sign as this host.
func (s State) ProvenanceKey() string { return filepath.Join(s.Dir, "provenance.key") }

// Library is the folder with the assets of a host that shares its runs with none.
func (s State) Library() string { return filepath.Join(s.Dir, "library") }

// Accounts is where API tokens are kept, without what somebody needs to use them, and beside them the log of what was changed.
func (s State) Accounts() string { return filepath.Join(s.Dir, "auth") }

// Trust is this machine's list of plugins and modules that may run.
func (s State) Trust() string { return filepath.Join(s.Dir, "spinbot.trust.hcl") }

// maxSocketPath leaves room below the 108 bytes of a unix address.
const maxSocketPath = 100

// Socket is the path of the private unix socket. It lies in the state directory, or, where that path is too long
// for a unix address, in a private folder under /tmp: TMPDIR may be long too, and another terminal's may differ.
func (s State) Socket() (string, error) {
	path := filepath.Join(s.Dir, "host.sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	sum := sha256.Sum256([]byte(s.Dir))
	dir := filepath.Join("/tmp", fmt.Sprintf("spinbot-%d-%s", os.Getuid(), hex.EncodeToString(sum[:6])))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("folder for the socket: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("folder for the socket: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || int(owner.Uid) != os.Getuid() {
		return "", fmt.Errorf("folder for the socket: %s is not a private folder of yours; remove it", dir)
	}
	return filepath.Join(dir, "host.sock"), nil
}

// ErrHeld says that another process holds the state directory.
var ErrHeld = errors.New("the state directory is held by another process")

// Lock is a held state directory.
type Lock struct {
	file *os.File
	// Lived is when who held it before last said that it lives.
	Lived time.Time
}

// TryLock takes the state directory, or gives ErrHeld at once.
func (s State) TryLock() (*Lock, error) {
	path := filepath.Join(s.Dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, ErrHeld
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{file: f}
	if info, err := f.Stat(); err == nil {
		l.Lived = info.ModTime()
	}
	return l, nil
}

// Beat says that who holds it lives: who takes it next knows since when that is not so any more.
func (l *Lock) Beat() error {
	now := time.Now()
	return os.Chtimes(l.file.Name(), now, now)
}

// Release gives the state directory back.
func (l *Lock) Release() {
	_ = unix.Flock(int(l.file.Fd()), unix.LOCK_UN) // a child between fork and exec has the file open too
	l.file.Close()
}
