package sim_test

import (
	"reflect"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/sim"
)

func play(t *testing.T, c sim.Config, rule int) sim.Result {
	t.Helper()
	c.Rule = sim.Rules()[rule]
	r := sim.Run(c)
	if r.Tasks != c.Tasks || r.Loads+r.Warm != r.Tasks+r.Yields {
		t.Errorf("%s: %d of %d tasks ended, %d loaded a model, %d did not, %d gave way", c.Rule.Name, r.Tasks, c.Tasks, r.Loads, r.Warm, r.Yields)
	}
	if r.Utilisation <= 0 || r.Utilisation > 1 {
		t.Errorf("%s: a utilisation of %.3f: the bound is none", c.Rule.Name, r.Utilisation)
	}
	t.Logf("%-13s together %-5t utilisation %.3f loads %d yields %d jain %.3f bypassed %d waits %v", c.Rule.Name, c.Together, r.Utilisation, r.Loads, r.Yields, r.Jain, r.Bypassed, r.Waits)
	return r
}

// TestOursBeatsTheOthers plays a small fleet with every rule.
func TestOursBeatsTheOthers(t *testing.T) {
	t.Parallel()
	c := sim.Config{Agents: 4, Devices: 8, Tasks: 6000, Users: 10, Models: 45, Seed: 1, Load: 0.9}
	if testing.Short() {
		c.Tasks = 1500
	}
	for _, c.Together = range []bool{false, true} {
		ours := play(t, c, 0)
		if ours.Bypassed > 32 {
			t.Errorf("a task was passed over %d times", ours.Bypassed)
		}
		for k := range sim.Rules()[1:] {
			if testing.Short() && k != 1 {
				continue
			}
			other := play(t, c, k+1)
			if sim.Rules()[k+1].Name == "least-loaded" && 2*ours.Loads > other.Loads && !testing.Short() {
				t.Errorf("ours loads models %d times, least-loaded %d times", ours.Loads, other.Loads)
			}
		}
		if c.Together && ours.Jain < 0.95 && !testing.Short() {
			t.Errorf("fairness is %.3f", ours.Jain)
		}
	}
}

func TestSameSeedSameGame(t *testing.T) {
	t.Parallel()
	c := sim.Config{Agents: 2, Devices: 8, Tasks: 1500, Users: 5, Models: 20, Seed: 3, Load: 0.9}
	if a, b := play(t, c, 0), play(t, c, 0); !reflect.DeepEqual(a, b) {
		t.Errorf("%v and %v", a, b)
	}
}
