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
	// rest is how often a host gives memory back that has no runs, or whose runs wait so that nothing was collected for as long: what is
	// free only after finalizers ran, as compiled code is, and what of the program it needed less often than that.
	rest = time.Minute
)

// Collector sets how often the garbage collector runs, by how often it does, and gives back what a host that waits does not need.
type Collector struct {
	active   func() bool // whether there are runs
	giveBack func()

	mu      sync.Mutex
	timer   *time.Timer // until the next look; nil before the first Begin
	resting bool        // the next look is after a rest
	closed  bool
	cycles  uint64 // when the second began
	looks   int    // since then
	last    uint64 // cycles at the look before
	still   int    // looks since there was one, while there are runs
	set     int
	left    bool // more is held than is in use: see Settle
}

// New is one that looks ten times a second while there are runs.
func New(active func() bool) *Collector {
	debug.SetGCPercent(idle)
	return &Collector{active: active, giveBack: giveBack, set: idle}
}

// Begin has it look from now on, and rest when there are no runs.
func (c *Collector) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if (c.timer == nil || c.resting) && !c.closed {
		c.cycles, _ = collected()
		c.last, c.still, c.looks, c.resting = c.cycles, 0, 0, false
		c.lookIn(time.Second / looksEach)
	}
}

// Settle has it give back what beginning left, once there are no runs.
func (c *Collector) Settle() {
	c.mu.Lock()
	c.left = true
	c.mu.Unlock()
	c.Begin()
}

// lookIn has the next look after a while; the caller holds mu.
func (c *Collector) lookIn(d time.Duration) {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = time.AfterFunc(d, c.look)
}

func (c *Collector) look() {
	active := c.active()
	cycles, live := collected()
	if c.next(active, cycles, live) {
		c.giveBack()
	}
}

func giveBack() {
	debug.FreeOSMemory() // nothing is allocated any more, so the collector would not run for minutes
	forgetProgram()
}

// next sets what follows from a look. It says whether memory is to be given back: the host is not busy any more, or has rested.
func (c *Collector) next(active bool, cycles, live uint64) (gives bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.still++; c.last != cycles || !active {
		c.last, c.still = cycles, 0
	}
	rested := c.resting && !active || c.still >= int(rest/time.Second)*looksEach
	if c.resting = !active; active {
		c.lookIn(time.Second / looksEach)
	} else {
		c.lookIn(rest)
	}
	was, since := c.set, cycles-c.cycles
	if c.looks++; active && c.looks < looksEach && (was > idle || since < often) {
		return false
	}
	if c.set = percentAt(was, since, live, active); c.set != was {
		debug.SetGCPercent(c.set)
	}
	c.cycles, c.looks = cycles, 0
	gives = was > idle && c.set == idle || c.left && !active || rested
	if c.left = c.left && active; gives {
		c.still = 0
	}
	return gives
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
