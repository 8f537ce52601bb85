// Package collector sets how often this process collects garbage: a host that waits is to be small, a busy one quick.
package collector

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// How much memory the garbage collector may let grow over what is in use, in per cent. A host that waits should be small; one
// with many tasks would spend a third of its time collecting.
const (
	idle = 50
	busy = 200
	// most is what a busy host may be larger by, whatever that is in per cent.
	most = 128 << 20
	// often is how many collections a second make a host busy; it is so until there are none for a second.
	often = 3
	// A second has so many looks: a host is busy as soon as it has collected often enough, and at rest after a whole one.
	looksEach = 10
)

// Collector sets how often the garbage collector runs, by how often it does. It looks only while there are runs.
type Collector struct {
	active func() bool // whether there are runs

	mu     sync.Mutex
	timer  *time.Timer // nil: it does not look
	closed bool
	cycles uint64 // when the second began
	looks  int    // since then
	set    int
	left   bool // more is held than is in use: see Settle
}

// New is one that looks while there are runs.
func New(active func() bool) *Collector {
	debug.SetGCPercent(idle)
	return &Collector{active: active, set: idle}
}

// Begin has it look from now on, until there are no runs.
func (c *Collector) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil && !c.closed {
		c.cycles, _ = collected()
		c.looks = 0
		c.wait()
	}
}

// Settle has it give back what beginning left, or compiling modules, once there are no runs.
func (c *Collector) Settle() {
	c.mu.Lock()
	c.left = true
	c.mu.Unlock()
	c.Begin()
}

// wait looks after a while; the caller holds mu.
func (c *Collector) wait() { c.timer = time.AfterFunc(time.Second/looksEach, c.look) }

func (c *Collector) look() {
	active := c.active()
	cycles, live := collected()
	if c.next(active, cycles, live) {
		debug.FreeOSMemory() // nothing is allocated any more, so the collector would not run for minutes
		forgetProgram()
	}
}

// next sets what follows from a look. It says whether the host is not busy any more.
func (c *Collector) next(active bool, cycles, live uint64) (rests bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer = nil; c.closed {
		return false
	}
	if active {
		c.wait()
	}
	was, since := c.set, cycles-c.cycles
	if c.looks++; active && c.looks < looksEach && (was > idle || since < often) {
		return false
	}
	if c.set = percentAt(was, since, live, active); c.set != was {
		debug.SetGCPercent(c.set)
	}
	c.cycles, c.looks = cycles, 0
	rests = was > idle && c.set == idle || c.left && !active
	c.left = c.left && active
	return rests
}

// Close ends its looking.
func (c *Collector) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// percentAt gives the per cent from the one that is set, the collections of the last second, or of what is over of one, and the
// bytes in use.
func percentAt(set int, cycles, live uint64, active bool) int {
	switch {
	case !active || cycles == 0:
		return idle
	case set == idle && cycles < often:
		return idle
	}
	return min(busy, max(idle, int(most*100/max(live, 1))))
}

// collected says how often the collector has run, and how much was in use after the last time.
func collected() (cycles, live uint64) {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}
