package wasmexec

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// A tenant may share instances: state that a task leaves behind is seen by no other.
type tenant struct{ owner, pipeline string }

// An instance is a reactor's module instance in its sandbox. It carries out one task at a time.
type instance struct {
	box    *sandbox
	module api.Module
	alloc  api.Function
	run    api.Function
	clean  bool   // no task has run in it
	tenant tenant // whose task ran in it, when not clean
	idle   time.Time
}

// A pool keeps idle instances of one reactor. How many are busy is limited by Executor.slots; idle ones are limited
// to as many, and those idle for long are let go, but for a clean one that is kept ready.
type pool struct {
	m       *module
	warming sync.WaitGroup

	mu     sync.Mutex
	closed bool
	list   []*instance // idle, the one idle for longest first
	timer  *time.Timer // trims; nil when none is under way
	making bool        // a clean instance is being made
}

const idleFor = 20 * time.Second

func newPool(m *module) *pool { return &pool{m: m} }

// take gives an instance for the tenant: one of its own, a clean one, or a new one.
func (p *pool) take(ctx context.Context, who tenant) (*instance, error) {
	if i := p.find(who); i != nil {
		return i, nil
	}
	return p.m.instantiate(ctx)
}

func (p *pool) find(who tenant) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := -1
	for n := len(p.list) - 1; n >= 0; n-- {
		if i := p.list[n]; !i.clean && i.tenant == who {
			at = n
			break
		} else if i.clean && at < 0 {
			at = n
		}
	}
	if at < 0 {
		p.replenish()
		return nil
	}
	i := p.list[at]
	p.list = slices.Delete(p.list, at, at+1)
	if i.clean {
		p.replenish()
	}
	return i
}

// replenish makes the next clean instance in the background, one at a time. The caller holds mu.
func (p *pool) replenish() {
	if p.making || p.closed || slices.ContainsFunc(p.list, func(i *instance) bool { return i.clean }) {
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
	if len(p.list) > p.m.e.config.Running {
		p.drop(0)
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(idleFor, p.trim)
	}
}

// trim lets go of what was idle for long, memory included, and comes again while anything but one clean instance is
// left.
func (p *pool) trim() {
	if p.dropIdle() {
		debug.FreeOSMemory() // an idle host allocates nothing, so its collector would not run for minutes
	}
}

func (p *pool) dropIdle() (dropped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	if p.closed {
		return false
	}
	kept := false
	for n := len(p.list) - 1; n >= 0; n-- {
		i := p.list[n]
		if i.clean && !kept {
			kept = true
			continue
		}
		if time.Since(i.idle) >= idleFor {
			p.drop(n)
			dropped = true
		}
	}
	if len(p.list) > 1 || len(p.list) == 1 && !kept {
		p.timer = time.AfterFunc(idleFor, p.trim)
	}
	return dropped
}

func (p *pool) drop(n int) {
	p.list[n].close()
	p.list = slices.Delete(p.list, n, n+1)
}

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
