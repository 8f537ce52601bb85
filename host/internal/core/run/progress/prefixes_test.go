package progress

import (
	"fmt"
	"testing"
)

// TestPrefixes resumes from every prefix of journals, as after a host that died there: each folds to a legal state, and
// goes on to an end.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	seeds := uint64(48)
	if testing.Short() {
		seeds = 8
	}
	for shard := range uint64(4) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			seen := newCoverage()
			for seed := shard; seed < seeds; seed += 4 {
				m := newSim(t, seed, seen)
				m.story()
				for cut := 1; cut <= len(m.journal); cut++ {
					p := newSim(t, seed, seen)
					p.now = m.journal[cut-1].Time
					p.begin(m.journal[:cut:cut])
					p.recover()
					p.play(10)
				}
			}
		})
	}
}
