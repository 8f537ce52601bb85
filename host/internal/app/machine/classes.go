package machine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
)

const (
	askClasses     = time.Minute // between two looks at what engines have installed
	askAgain       = 5 * time.Second
	classesTimeout = 30 * time.Second // one with hundreds of node packs takes seconds
)

// classes are the node classes of plugins' engines, as they were said last.
type classes struct {
	mu     sync.Mutex
	known  map[string]map[string]bool // by plugin; replaced, never changed
	asking bool
	next   time.Time
}

// Classes gives the node classes that the engines of plugins on this machine have, by plugin; none of one that has not said yet. It is not to
// be changed.
func (m *Machine) Classes() map[string]map[string]bool {
	m.classes.mu.Lock()
	defer m.classes.mu.Unlock()
	return m.classes.known
}

// lookForClasses has plugins asked, in the background, once at a time and not too often.
func (m *Machine) lookForClasses(ctx context.Context, seen []device.Device) {
	c := &m.classes
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking || time.Now().Before(c.next) {
		return
	}
	c.asking = true
	m.followed.Go(func() {
		next := askClasses
		found, all := m.ask(ctx, seen)
		if !all {
			next = askAgain
		}
		c.mu.Lock()
		changed := false
		known := maps.Clone(c.known)
		for plugin, names := range found {
			if !maps.Equal(known[plugin], names) {
				if known == nil {
					known = map[string]map[string]bool{}
				}
				known[plugin], changed = names, true
			}
		}
		c.known, c.asking, c.next = known, false, time.Now().Add(next)
		c.mu.Unlock()
		if changed && m.cfg.Stocked != nil {
			m.cfg.Stocked(true)
		}
	})
}

// ask asks the plugins of engines that run by themselves, and those that have a process. Of a plugin with several engines what all of these have
// counts. all: each one was there to be asked.
func (m *Machine) ask(ctx context.Context, seen []device.Device) (found map[string]map[string]bool, all bool) {
	found, all = map[string]map[string]bool{}, true
	for _, x := range m.tellers(seen) {
		ctx, cancel := context.WithTimeout(ctx, classesTimeout)
		names, err := m.Plugins.Installed(ctx, x.binary, x.devices)
		cancel()
		if errors.Is(err, pluginexec.ErrNotRunning) {
			all = false
		}
		if err != nil {
			m.cfg.Log.Debug("what is installed is not known", "plugin", x.binary.Name, "error", err)
		}
		if len(names) == 0 {
			continue
		}
		has, before := make(map[string]bool, len(names)), found[x.binary.Name]
		for _, n := range names {
			if before == nil || before[n] {
				has[n] = true
			}
		}
		found[x.binary.Name] = has
	}
	return found, all
}

// teller is a process of a plugin that tells what its engine has.
type teller struct {
	binary  pluginexec.Binary
	devices []string
}

// tellers gives those that run, and has those started that belong to engines which run by themselves.
func (m *Machine) tellers(seen []device.Device) (out []teller) {
	add := func(plugin string, devices []string) bool {
		b, ok := m.cfg.Program(plugin)
		ok = ok && b.Tells && !slices.ContainsFunc(out, func(x teller) bool { return x.binary.Name == plugin && slices.Equal(x.devices, devices) })
		if ok {
			out = append(out, teller{b, devices})
		}
		return ok
	}
	for _, e := range m.engines() {
		uuid := m.deviceOf(e)
		if slices.ContainsFunc(seen, func(d device.Device) bool { return d.UUID == uuid }) && add(e.Plugin, []string{uuid}) {
			m.Plugins.Look(out[len(out)-1].binary, []string{uuid})
		}
	}
	for _, w := range m.Plugins.Warm() {
		if !w.Starting && !w.Ending {
			add(w.Plugin, w.Devices)
		}
	}
	return out
}
