package remoteexec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/checksum"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	keys "github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

// TestMain lets the test binary play the plugin, under a link of that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "plugin" {
		serve.Plugin(nodes.Plugin())
		return
	}
	os.Exit(m.Run())
}

// box2 is the agent of these tests, and box1 their host.
const (
	box1 = "host-box1"
	box2 = "agent-box2"
)

// rig is a host and an agent with what each has of its own: keys, artifacts, a mask.
type rig struct {
	t         testing.TB
	host      *Executor
	vault     *secrets.Vault // the host's
	here      *fakeStore     // the host's artifacts
	there     *fakeStore     // the agent's
	line      *line
	learned   *secrets.Mask // the agent's
	hostKey   keys.Key
	agentKey  keys.Key
	mu        sync.Mutex
	expecting map[string]bool // by the agent, until it forgets
	expected  int
}

// newRig makes a rig whose agent carries out tasks with next, around which stands what an agent has around it.
func newRig(t testing.TB, next exec.Executor) *rig {
	t.Helper()
	r := &rig{t: t, vault: secrets.New(secrets.Config{}), here: newStore(nil), learned: secrets.NewMask(), hostKey: keys.NewKey(), agentKey: keys.NewKey(),
		expecting: map[string]bool{}}
	r.there = newStore(r.here)
	staged, err := exec.Stage(next, exec.StageConfig{Root: t.TempDir(), Artifacts: r.there})
	if err != nil {
		t.Fatal(err)
	}
	r.line = &line{rig: r, kept: map[string][]byte{}}
	r.line.server = NewServer(ServerConfig{
		Next:   func(context.Context, string) (exec.Executor, error) { return exec.Deadline(staged, nil), nil },
		Expect: func(a placement.Assignment) { r.expect(a.Task.ID, true) },
		Forget: func(id string) { r.expect(id, false) },
		Open:   func(purpose, sealed []byte) ([]byte, error) { return r.agentKey.Open(purpose, sealed) },
		Seal: func(_ context.Context, host string, purpose, plain []byte) ([]byte, error) {
			if host != box1 {
				return nil, errors.New("nobody knows host " + host)
			}
			return keys.Seal(r.hostKey.Public(), purpose, plain)
		},
		Learn: r.learned.Add, Mask: r.learned.String,
		Now: func() time.Time { return exectest.Task("", nil).Time },
	})
	r.host = New(Config{
		Next: exec.Func(func(_ context.Context, t *sdk.Task) (sdk.Result, error) {
			return sdk.Result{}, sdk.Refuse(t.Address.String()+" was carried out on the host", "")
		}),
		Link: r.line, Sealer: r.vault, Open: r.hostKey.Open, Artifacts: r.here,
		Local:  func(agent string) bool { return agent == "" },
		Expect: func(a placement.Assignment) { t.Errorf("%s is expected on the host", a.Task.ID) },
	})
	return r
}

func (r *rig) expect(id string, comes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if comes {
		r.expecting[id] = true
		r.expected++
		return
	}
	delete(r.expecting, id)
}

// run has the agent carry out a task, and gives what it said.
func (r *rig) run(task *sdk.Task) (res sdk.Result, said []sdk.Report, err error) {
	r.t.Helper()
	r.host.Expect(placement.Assignment{Agent: box2, Task: placement.Task{ID: task.Address.String()}})
	var mu sync.Mutex
	res, err = r.host.Execute(context.Background(), task.WithReporter(func(x sdk.Report) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, x)
	}))
	mu.Lock()
	defer mu.Unlock()
	return res, slices.Clone(said), err
}

// plugins makes a real executor of plugins, which offers nodes.Plugin.
func plugins(t testing.TB) exec.Executor {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var sums checksum.Sums
	digest, err := sums.Digest(path, info)
	if err != nil {
		t.Fatal(err)
	}
	e, err := pluginexec.New(pluginexec.Config{
		Resolve: func(nodeType string) (pluginexec.Binary, error) {
			return pluginexec.Binary{Name: "test", Path: path, SHA256: "sha256:" + digest}, nil
		},
		Grace: 500 * time.Millisecond, StartTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// fakeStore keeps artifacts in memory, and fetches what it lacks from another.
type fakeStore struct {
	from *fakeStore

	mu   sync.Mutex
	held map[string][]byte
	ill  error // what Touch says instead
}

func newStore(from *fakeStore) *fakeStore { return &fakeStore{from: from, held: map[string][]byte{}} }

func (s *fakeStore) get(digest string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.held[digest]
	return raw, ok
}

func (s *fakeStore) set(digest string, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[digest] = raw
}

// Put implements artifacts.Store.
func (s *fakeStore) Put(_ context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	raw, err := io.ReadAll(r)
	sum := sha256.Sum256(raw)
	hint.Digest, hint.Size = "sha256:"+hex.EncodeToString(sum[:]), int64(len(raw))
	s.set(hint.Digest, raw)
	return hint, err
}

// Open implements artifacts.Store.
func (s *fakeStore) Open(_ context.Context, digest string) (io.ReadSeekCloser, error) {
	raw, ok := s.get(digest)
	if !ok && s.from != nil {
		raw, ok = s.from.get(digest)
	}
	if !ok {
		return nil, artifacts.ErrNotFound
	}
	return memory{bytes.NewReader(raw)}, nil
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// Fetch implements artifacts.Store.
func (s *fakeStore) Fetch(ctx context.Context, digest, path string) error {
	r, err := s.Open(ctx, digest)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o400)
}

// Touch is what a host asks its store.
func (s *fakeStore) Touch(_ context.Context, digest string) error {
	if _, ok := s.get(digest); ok {
		return nil
	}
	if s.ill != nil {
		return s.ill
	}
	return artifacts.ErrNotFound
}

// leak gives the part of a text in which something stands that must not be seen, in whatever encoding.
func leak(text []byte, secret string) string {
	m := secrets.NewMask()
	m.Keep(secret)
	masked := m.String(string(text))
	if masked == string(text) {
		return ""
	}
	at := strings.Index(masked, secrets.Masked)
	return masked[max(0, at-200):min(len(masked), at+100)]
}
