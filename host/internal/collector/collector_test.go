package collector

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPercentAt: a host that collects often collects less, by so much memory at most, until it has nothing to collect.
func TestPercentAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set          int
		cycles, live uint64
		active       bool
		want         int
	}{
		{idle, 2, 20 << 20, true, idle},
		{idle, often, 20 << 20, true, busy},
		{idle, 30, 128 << 20, true, 100},
		{idle, 30, 4 << 30, true, idle},
		{idle, 30, 0, true, busy},
		{busy, 1, 64 << 20, true, busy},
		{busy, 0, 64 << 20, true, idle},
		{busy, 30, 64 << 20, false, idle},
	} {
		if got := percentAt(c.set, c.cycles, c.live, c.active); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestCollector: a host gives back when it was busy, and one that is closed looks no more.
func TestCollector(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // no timer fires
		c := New(func() bool { return true })
		defer c.Close()
		c.Begin()
		if c.timer == nil {
			t.Error("it does not look")
		}
		now := c.cycles + often
		if c.next(true, now, 20<<20) || c.set == idle {
			t.Error("it is not busy at once")
		}
		for _, s := range []struct {
			looks  int // of a second that are over
			active bool
			cycles uint64
			rests  bool
		}{
			{looksEach, true, 0, true}, {1, true, often - 1, false}, {2, true, 1, false}, // busy, before the second is over
			{1, true, 0, false}, {looksEach, true, 0, true}, {looksEach, true, 0, false},
			{looksEach, true, often, false}, {looksEach, true, 1, false}, {1, false, 9, true}, {looksEach, true, 0, false}, {1, false, 0, false},
		} {
			now += s.cycles
			c.looks = s.looks - 1
			if got := c.next(s.active, now, 20<<20); got != s.rests {
				t.Errorf("%+v: it gives back: %v", s, got)
			}
			if c.resting == s.active {
				t.Errorf("%+v: the next look is after a rest: %v", s, c.resting)
			}
		}
		c.Settle()
		if c.next(true, now, 1) || !c.next(false, now, 1) {
			t.Error("it gives back what beginning left while there are runs, or not once")
		}
		c.Close()
		if c.Begin(); !c.resting || c.next(true, now+99, 1) {
			t.Error("it is closed, and looks")
		}
	})
}

// TestWaits: a host whose runs wait gives back once nothing was collected for a minute.
func TestWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // no timer fires
		c := New(func() bool { return true })
		defer c.Close()
		c.Begin()
		gave := 0
		looks := func(n int, cycles uint64) {
			for range n {
				if c.next(true, c.last+cycles, 20<<20) {
					gave++
				}
				cycles = 0
			}
		}
		const minute = 60 * looksEach
		looks(minute-looksEach, 1)
		looks(minute, 1)
		if gave != 0 {
			t.Error("it gives back before a minute is over")
		}
		looks(looksEach, 0)
		if gave != 1 {
			t.Errorf("it gave back %d times", gave)
		}
		looks(minute, 1) // that was the collection of giving back
		if gave != 1 {
			t.Errorf("it gave back again after less than a minute: %d times", gave)
		}
	})
}

// TestRest: a host without runs gives back every minute, until there are some again or it is closed.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gave atomic.Int32
		var active atomic.Bool
		c := New(active.Load)
		c.giveBack = func() { gave.Add(1) }
		c.Settle()
		after := func(d time.Duration, what string, want int32) {
			t.Helper()
			time.Sleep(d)
			if n := gave.Swap(0); n != want {
				t.Errorf("%s: it gave memory back %d times, not %d", what, n, want)
			}
		}
		after(2*rest+time.Second, "begun", 3)
		active.Store(true)
		c.Begin()
		after(rest-time.Second, "at work", 0)
		active.Store(false)
		after(2*rest+time.Second, "done", 2)
		c.Close()
		after(2*rest, "closed", 0)
	})
}
