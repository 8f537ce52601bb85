package host

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// How much memory the garbage collector may let grow over what is in use, in per cent. A host that waits should be small; one
// with many tasks would spend a third of its time collecting.
const (
	collectIdle = 50
	collectBusy = 200
	// collectMost is what a busy host may be larger by, whatever that is in per cent.
	collectMost = 128 << 20
	// collectOften is how many collections a second make a host busy; it is so until there are none for a second.
	collectOften = 3
)

// collector sets how often the garbage collector runs, by how often it does. It looks only while there are runs.
type collector struct {
	active func() bool // whether there are runs

	mu     sync.Mutex
	timer  *time.Timer // nil: it does not look
	closed bool
	cycles uint64
	set    int
}

func newCollector(active func() bool) *collector {
	debug.SetGCPercent(collectIdle)
	return &collector{active: active, set: collectIdle}
}

// begin has it look from now on, until there are no runs.
func (c *collector) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil && !c.closed {
		c.cycles, _ = collected()
		c.timer = time.AfterFunc(time.Second, c.look)
	}
}

func (c *collector) look() {
	active := c.active()
	cycles, live := collected()
	if c.next(active, cycles, live) {
		debug.FreeOSMemory() // nothing is allocated any more, so the collector would not run for minutes
	}
}

// next sets what follows from a look. It says whether the host is not busy any more.
func (c *collector) next(active bool, cycles, live uint64) (rests bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer = nil; c.closed {
		return false
	}
	was := c.set
	if c.set = collectAt(was, cycles-c.cycles, live, active); c.set != was {
		debug.SetGCPercent(c.set)
	}
	c.cycles = cycles
	if active {
		c.timer = time.AfterFunc(time.Second, c.look)
	}
	return was > collectIdle && c.set == collectIdle
}

func (c *collector) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// collectAt gives the per cent from the one that is set, the collections of the last second and the bytes in use.
func collectAt(set int, cycles, live uint64, active bool) int {
	switch {
	case !active || cycles == 0:
		return collectIdle
	case set == collectIdle && cycles < collectOften:
		return collectIdle
	}
	return min(collectBusy, max(collectIdle, int(collectMost*100/max(live, 1))))
}

// collected says how often the collector has run, and how much was in use after the last time.
func collected() (cycles, live uint64) {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}
