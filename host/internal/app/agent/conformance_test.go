package agent

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/exec/remoteexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/sdk"
)

// TestConformance: an agent in a process of its own does what every executor must, over a real Redis and HTTP.
func TestConformance(t *testing.T) {
	t.Parallel()
	exectest.Run(t, exectest.Options{Files: true, Remote: true, Patience: time.Minute, New: func(t *testing.T) exec.Executor {
		h := newHost(t)
		t.Cleanup(func() {
			if h.transfers.Load() == 0 {
				t.Error("no artifact went over HTTP")
			}
		})
		return h
	}})
}

// TestSealed: what is sensitive comes to the agent and back, and Redis has none of it on its disk.
func TestSealed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const public, secret = "for all to see", "swordfish & Söhne"
	for k, c := range []struct {
		value string
		give  func() (any, error)
	}{
		{public, func() (any, error) { return public, nil }},
		{secret, func() (any, error) { return h.vault.Seal(secret, true) }},
	} {
		value, err := c.give()
		if err != nil {
			t.Fatal(err)
		}
		task := exectest.Task("test.echo", sdk.Values{"value": value})
		task.Address.Attempt = 1 + k
		if res, err := h.Execute(t.Context(), task); err != nil || res.Outputs["value"] != c.value {
			t.Errorf("%q became %v, %v", c.value, res.Outputs, err)
		}
	}
	kept := everything(t, h.redis.Dir)
	if !bytes.Contains(kept, []byte(public)) {
		t.Errorf("%q is not in what Redis has kept: this test would see nothing", public)
	}
	for _, text := range nodes.Spell(secret) {
		if bytes.Contains(kept, []byte(text)) {
			t.Errorf("the secret went to Redis as %q", text)
		}
	}
}

// everything gives the bytes of all files in a folder.
func everything(t *testing.T, folder string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		all = append(all, raw...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// host is what sends an agent its tasks. It stands for a host's placement, journal and catalog, and has all else of one.
type host struct {
	t         *testing.T
	redis     *redistest.Server
	vault     *secrets.Vault
	files     *dir.Store
	link      *fleet.Host
	executor  *remoteexec.Executor
	agent     string // its id
	transfers atomic.Int64
}

// Run implements remoteexec.Link.
func (h *host) Run(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	return h.link.Execute(ctx, a, report, whole)
}

// Seal implements remoteexec.Link.
func (h *host) Seal(agent string, purpose, plain []byte) ([]byte, error) {
	return h.link.Seal(agent, purpose, plain)
}

// newHost makes a host and its Redis, starts an agent, and waits until the host has heard it.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, redis: redistest.Start(t, redistest.Fsync("everysec")), vault: secrets.New(secrets.Config{})}
	var err error
	if h.files, err = dir.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	client, _, err := dial.Open(t.Context(), dial.Config{URL: h.redis.UnixURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	key := seal.NewKey()
	heard := make(chan string, 1)
	h.link = fleet.NewHost(fleet.HostConfig{Client: client, Namespace: dial.DefaultNamespace, Pace: pace, Log: slog.New(slog.DiscardHandler),
		Info: fleet.HostInfo{ID: "host-box1", Key: key.Public(), URL: h.serve("let me in"), Token: "let me in"},
		Open: func(context.Context, protocol.Unknown) (bool, error) { return true, nil },
		Changed: func(m fleet.Member) {
			if len(m.Plugins) > 0 && m.Away == "" {
				select {
				case heard <- m.Agent:
				default: // it is known
				}
			}
		}})
	h.executor = remoteexec.New(remoteexec.Config{Link: h, Sealer: h.vault, Open: key.Open, Artifacts: h.files, Local: func(string) bool { return false }})
	if err := h.link.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.link.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	h.startAgent()
	select {
	case h.agent = <-heard:
	case <-time.After(time.Minute):
		t.Fatal("the agent is not heard")
	}
	return h
}

// serve lets agents fetch and bring artifacts.
func (h *host) serve(token string) (url string) {
	handler, err := remote.NewHandler(remote.HandlerConfig{Store: h.files, Keeper: h.files, Folder: h.t.TempDir(), Token: remote.Tokens(token)})
	if err != nil {
		h.t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.transfers.Add(1)
		handler.ServeHTTP(w, r)
	}))
	h.t.Cleanup(s.Close)
	return s.URL
}

// startAgent starts an agent that ends in order before the test does.
func (h *host) startAgent() {
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := osexec.Command(self)
	cmd.Env = append(os.Environ(), stateEnv+"="+h.t.TempDir(), redisEnv+"="+h.redis.UnixURL())
	cmd.Stderr = h.t.Output()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			h.t.Errorf("the agent ended with %v", err)
		}
	})
}

// Execute implements exec.Executor. It brings the files of a task into the host's store, and those of its result out of it.
func (h *host) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	id := t.Address.String()
	invented := map[string]string{} // digests that a test made up, by those that the store gave
	err := t.Inputs.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		f, err := os.Open(a.Path)
		if err != nil {
			return a, err
		}
		defer f.Close()
		stored, err := h.files.Put(ctx, f, a)
		invented[stored.Digest] = a.Digest
		a.Digest, a.Path = stored.Digest, ""
		return a, err
	})
	if err != nil {
		return sdk.Result{}, err
	}
	h.executor.Expect(placement.Assignment{Agent: h.agent, Task: placement.Task{ID: id}})
	res, err := h.executor.Execute(ctx, t)
	h.link.Committed(id)
	if err != nil {
		return res, err
	}
	return res, res.Outputs.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		if digest, ok := invented[a.Digest]; ok {
			a.Digest = digest
			return a, nil
		}
		a.Path = filepath.Join(t.Scratch, a.Name)
		return a, h.files.Fetch(ctx, a.Digest, a.Path)
	})
}
