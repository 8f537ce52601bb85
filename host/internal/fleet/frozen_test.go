package fleet

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// Whoever is asked to end does so at once, though Redis does not answer any more.
func TestEndsThoughRedisIsFrozen(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Start(t))
	_, stopHost := r.host("h")
	_, stopAgent := r.agent("a", "1")
	r.hears("a")
	r.redis.Stop(t)
	defer r.redis.Cont(t)
	began := time.Now()
	stopAgent()
	stopHost()
	if d := time.Since(began); d > 9*time.Second { // a command of theirs is given up after ten
		t.Errorf("it took %s", d)
	}
}
