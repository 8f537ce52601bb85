package wasmexec

import (
	"bytes"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/sdk"
)

// A tenant may share instances: state that a task leaves behind is seen by no other.
type tenant struct{ owner, pipeline string }

// An instance is a reactor's module instance in its sandbox. It carries out one task at a time.
type instance struct {
	box    *sandbox
	module api.Module
	alloc  api.Function
	run    api.Function
	clean  bool   // no task has run in it, or all traces are gone
	tenant tenant // whose task ran in it, when not clean
	idle   time.Time
	input  []byte // the last task as it was written, whose room the next one takes

	// What reset needs; restore is nil when it cannot be reset.
	restore api.Function
	saved   *snapshot
	uptime  int64
}

// A pool keeps idle instances of one reactor. How many are busy is limited by Executor.slots; idle ones are limited
// to as many, and those of all modules by their memory; those idle for long are let go, but for one that is kept ready.
type pool struct {
	m       *module
	warming sync.WaitGroup

	mu     sync.Mutex
	closed bool
	list   []*instance // idle, the one idle for longest first
	timer  *time.Timer // trims; nil when none is under way
	making bool        // a clean instance is being made
	saved  *snapshot   // of the first instance
}

const idleFor = 20 * time.Second

func newPool(m *module) *pool { return &pool{m: m} }

// share gives the snapshot that is kept for the same state.
func (p *pool) share(s *snapshot) *snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saved == nil {
		p.saved = s
	}
	if p.saved.size == s.size && bytes.Equal(p.saved.data, s.data) {
		return p.saved
	}
	return s
}

// take gives an instance for the tenant: one of its own, a clean one, one that another left, reset, or a new one.
// For a task with a budget even its own is reset, so that the same task costs the same; and so is one that has more
// memory than the task may have.
func (p *pool) take(ctx context.Context, who tenant, l sdk.Limits) (*instance, error) {
	for {
		i := p.find(who)
		switch {
		case i == nil:
			return p.m.instantiate(ctx)
		case i.clean, i.tenant == who && l.Budget == math.MaxInt64 && int64(len(i.box.memory.buf)) <= l.Memory, i.reset():
			return i, nil
		}
		i.close()
	}
}

func (p *pool) find(who tenant) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, left := -1, -1
	for n := len(p.list) - 1; n >= 0; n-- {
		switch i := p.list[n]; {
		case !i.clean && i.tenant == who:
			return p.remove(n)
		case i.clean && at < 0:
			at = n
		case !i.clean && i.restore != nil:
			left = n
		}
	}
	if at < 0 {
		at = left
	}
	var i *instance
	if at >= 0 {
		i = p.remove(at)
	}
	p.replenish()
	return i
}

// ready: it takes next to nothing to give the instance to any tenant.
func (i *instance) ready() bool { return i.clean || i.restore != nil }

// holds is how many bytes its memory takes of the host's: it stays as large as the largest task has made it.
func (i *instance) holds() int64 { return int64(cap(i.box.memory.buf)) }

// remove takes an instance out of the list. The caller holds mu.
func (p *pool) remove(n int) *instance {
	i := p.list[n]
	p.list = slices.Delete(p.list, n, n+1)
	p.m.e.idle.Add(-i.holds())
	p.m.e.kept.Add(-1)
	return i
}

// replenish makes the next instance in the background, one at a time, of a module whose instances cannot be reset: for
// the others each tenant would have to wait. The caller holds mu.
func (p *pool) replenish() {
	if p.making || p.closed || p.saved != nil || slices.ContainsFunc(p.list, (*instance).ready) {
		return
	}
	p.making = true
	p.warming.Go(func() {
		if err := p.warm(); err != nil {
			p.m.e.config.Log.Warn("an instance could not be made ahead", "module", p.m.name, "error", err)
		}
		p.mu.Lock()
		p.making = false
		p.mu.Unlock()
	})
}

// warm adds a clean instance.
func (p *pool) warm() error {
	i, err := p.m.instantiate(p.m.e.base)
	if err == nil {
		p.put(i)
	}
	return err
}

// put takes an instance back.
func (p *pool) put(i *instance) {
	i.idle = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		i.close()
		return
	}
	p.list = append(p.list, i)
	p.m.e.kept.Add(1)
	if idle := p.m.e.idle.Add(i.holds()); len(p.list) > p.m.e.config.Running || idle > p.m.e.config.IdleMemory {
		p.drop(0)
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(idleFor, p.trim)
	}
}

// trim lets go of what was idle for long, and comes again while anything but one that is ready is left.
func (p *pool) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	if p.closed {
		return
	}
	kept := false
	for n := len(p.list) - 1; n >= 0; n-- {
		i := p.list[n]
		if i.ready() && !kept {
			kept = true
			continue
		}
		if time.Since(i.idle) >= idleFor {
			p.drop(n)
		}
	}
	if len(p.list) > 1 || len(p.list) == 1 && !kept {
		p.timer = time.AfterFunc(idleFor, p.trim)
	}
}

func (p *pool) drop(n int) { p.remove(n).close() }

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for len(p.list) > 0 {
		p.drop(0)
	}
	p.mu.Unlock()
	p.warming.Wait()
}

func (i *instance) close() {
	_ = i.module.Close(context.Background()) // closes no files but the sandbox's
}
