package sim_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/sim"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var policies = map[string]placement.Policy{"ours": {}, "first": {Order: placement.FirstCome}, "least": {Order: placement.Backfill, Affinity: placement.LeastLoaded}, "warm": {Order: placement.Backfill, Affinity: placement.OnlyWarm}}

func play(t *testing.T, name string, c sim.Config) {
	c.Policy = policies[name]
	began := cpu()
	r := sim.Run(c)
	took := cpu() - began
	t.Logf("%v %s: %d placed, util %.3f span %v bound %v loads %d warm %d jain %.3f passed %d waits %v; %.0f/cpus", c.Together, name, r.Placed, r.Utilisation, r.Span.Round(time.Second), r.Bound.Round(time.Second), r.Loads, r.Warm, r.Jain, r.MostPassed, r.Waits, float64(r.Placed)/took.Seconds())
}

func TestTry(t *testing.T) {
	for _, together := range []bool{false, true} {
		for name := range policies {
			play(t, name, sim.Config{Agents: 10, Devices: 8, Tasks: 20000, Users: 20, Models: 35, Seed: 1, Load: 0.8, Together: together})
		}
	}
}

func TestProf(t *testing.T) {
	play(t, "ours", sim.Config{Agents: 10, Devices: 8, Tasks: 40000, Users: 20, Models: 35, Seed: 1, Together: true})
}

func TestBig(t *testing.T) {
	play(t, "ours", sim.Config{Agents: 1000, Devices: 8, Tasks: 100000, Users: 20, Models: 35, Seed: 1, Load: 0.8})
	play(t, "ours", sim.Config{Agents: 1000, Devices: 8, Tasks: 100000, Users: 20, Models: 35, Seed: 1, Together: true})
}
