package host

import "testing"

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
