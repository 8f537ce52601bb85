package host

import (
	"testing"
	"testing/synctest"
)

// TestCollectAt: a host that collects often collects less, by so much memory at most, until it has nothing to collect.
func TestCollectAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set          int
		cycles, live uint64
		active       bool
		want         int
	}{
		{collectIdle, 2, 20 << 20, true, collectIdle},
		{collectIdle, collectOften, 20 << 20, true, collectBusy},
		{collectIdle, 30, 128 << 20, true, 100},
		{collectIdle, 30, 4 << 30, true, collectIdle},
		{collectIdle, 30, 0, true, collectBusy},
		{collectBusy, 1, 64 << 20, true, collectBusy},
		{collectBusy, 0, 64 << 20, true, collectIdle},
		{collectBusy, 30, 64 << 20, false, collectIdle},
	} {
		if got := collectAt(c.set, c.cycles, c.live, c.active); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestCollector: a host rests once when it was busy, and one that is closed looks no more.
func TestCollector(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // no timer fires
		c := newCollector(func() bool { return true })
		defer c.close()
		c.begin()
		if c.timer == nil {
			t.Error("it does not look")
		}
		now := c.cycles
		for _, s := range []struct {
			active bool
			cycles uint64
			rests  bool
		}{{true, 0, false}, {true, collectOften, false}, {true, 1, false}, {true, 0, true}, {true, 0, false}, {true, collectOften, false}, {false, 9, true}, {false, 0, false}} {
			now += s.cycles
			if got := c.next(s.active, now, 20<<20); got != s.rests {
				t.Errorf("%+v: it rests: %v", s, got)
			}
			if looks := c.timer != nil; looks != s.active {
				t.Errorf("%+v: it looks again: %v", s, looks)
			}
		}
		c.close()
		if c.begin(); c.timer != nil || c.next(true, now+99, 1) {
			t.Error("it is closed, and looks")
		}
	})
}
