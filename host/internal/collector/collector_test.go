package collector

import (
	"testing"
	"testing/synctest"
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

// TestCollector: a host rests once when it was busy, and one that is closed looks no more.
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
			{looksEach, true, often, false}, {looksEach, true, 1, false}, {1, false, 9, true}, {1, false, 0, false},
		} {
			now += s.cycles
			c.looks = s.looks - 1
			if got := c.next(s.active, now, 20<<20); got != s.rests {
				t.Errorf("%+v: it rests: %v", s, got)
			}
			if looks := c.timer != nil; looks != s.active {
				t.Errorf("%+v: it looks again: %v", s, looks)
			}
		}
		c.Settle()
		if c.next(true, now, 1) || !c.next(false, now, 1) || c.next(false, now, 1) {
			t.Error("it gives back what beginning left while there are runs, or not once")
		}
		c.Close()
		if c.Begin(); c.timer != nil || c.next(true, now+99, 1) {
			t.Error("it is closed, and looks")
		}
	})
}
