package agent

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// forHost is what carries out tasks of one host: artifacts come from there and go there.
type forHost struct {
	files    *remote.Store
	executor exec.Executor
}

func (a *Agent) forHost(id string) (*forHost, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := a.hosts[id]; h != nil {
		return h, nil
	}
	files, err := remote.New(remote.Config{Cache: a.cache, Name: id, Host: func(ctx context.Context) (string, string, error) {
		info, err := a.link.Host(ctx, id)
		return info.URL, info.Token, err
	}, Bucket: a.bucket, Failed: func(err error) {
		a.cfg.Log.Warn("artifacts go through the host for a while, not directly to the bucket", "host", id, "error", err)
	}})
	if err != nil {
		return nil, err
	}
	mask := a.secrets.Mask().String
	staged, err := exec.Stage(exec.Lease(exec.By(exec.Traced("plugin", a.metrics.Executor("plugin", a.machine.Plugins)), a.carriedOut), a.machine.Leases), exec.StageConfig{Root: filepath.Join(a.cfg.State.Scratch(), id), Artifacts: artifacts.Names(a.metrics.Artifacts(files), mask),
		Generates: a.generates})
	if err != nil {
		return nil, err
	}
	h := &forHost{files: files, executor: a.tracer.Continue(exec.Deadline(exec.Private(staged, unsealed{}, mask), nil))}
	a.hosts[id] = h
	return h, nil
}

func (a *Agent) executor(_ context.Context, host string) (exec.Executor, error) {
	h, err := a.forHost(host)
	if err != nil {
		return nil, err
	}
	return h.executor, nil
}

// carriedOut says what a task is carried out with here.
func (a *Agent) carriedOut(ctx context.Context, t *sdk.Task) *sdk.Usage {
	v, err := a.catalog.Last(ctx)
	if err != nil {
		return nil
	}
	e, ok := v.Offers(t.Type)
	if !ok {
		return nil
	}
	return a.machine.Used(ctx, t, e)
}

// unsealed stands where nothing sealed comes: remoteexec has opened it.
type unsealed struct{}

var errSealed = errors.New("is sealed for another machine")

// Seal implements exec.Sealer.
func (unsealed) Seal(any, bool) (sdk.Sealed, error) { return sdk.Sealed{}, errSealed }

// Open implements exec.Sealer.
func (unsealed) Open(sdk.Sealed) (any, bool, error) { return nil, false, errSealed }

func (a *Agent) deliver(ctx context.Context, host string, digests []string) error {
	h, err := a.forHost(host)
	if err != nil {
		return err
	}
	return h.files.Upload(ctx, digests...)
}

func (a *Agent) delivered(host string, digests []string) {
	if h, err := a.forHost(host); err == nil {
		if err := h.files.Unpin(digests...); err != nil {
			a.cfg.Log.Warn("an artifact stays here for longer than it has to", "error", err)
		}
	}
}

// order does what a person wants of this agent.
func (a *Agent) order(o protocol.Order) {
	switch {
	case o.Seen != nil && a.cfg.Seen != nil:
		a.cfg.Seen(*o.Seen)
	case o.Drain:
		a.link.Drain(true)
		time.AfterFunc(time.Duration(o.Grace)*time.Millisecond, func() {
			if a.link.Draining() {
				a.link.HandBack(&sdk.Error{Cause: sdk.CauseDrained, Message: "its agent " + a.cfg.Name + " was drained"})
			}
		})
	case o.Resume:
		a.link.Drain(false)
	case o.Plugin != nil:
		a.enqueue(*o.Plugin)
	case o.Hold != nil:
		if err := a.machine.Hold(o.Hold.Device, o.Hold.Why); err != nil {
			a.cfg.Log.Error("a device is not held as a host wants it", "device", o.Hold.Device, "error", err)
		}
	case o.Fetch != nil:
		a.fetch(*o.Fetch)
	case o.Send != nil:
		a.send(*o.Send)
	}
}

// crawl knows how long tasks may take before they are far too slow.
type crawl struct {
	mu   sync.Mutex
	when map[string]time.Time
}

// slow is how many times longer than expected is far too slow.
const slow = 5

func (c *crawl) begins(a placement.Assignment) {
	if a.Task.Lasts <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.when == nil {
		c.when = map[string]time.Time{}
	}
	c.when[a.Task.ID] = time.Now().Add(slow * a.Task.Lasts)
}

func (c *crawl) ends(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.when, id)
}

func (c *crawl) crawls(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.when[id]
	return ok && time.Now().After(at)
}
