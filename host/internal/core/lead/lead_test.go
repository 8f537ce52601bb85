package lead

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var seeds = flag.Int("seeds", 25, "how many worlds are tried")

// TestManyWorlds: whatever is lost, repeated or late, whoever dies, freezes or begins anew, nothing is placed twice, no device has
// more than it has room for, and in the end nothing is left.
func TestManyWorlds(t *testing.T) {
	t.Parallel()
	var made, epochs int64
	for seed := range uint64(*seeds) {
		w := newWorld(seed, 1+int(seed%4))
		for end := w.now.Add(4 * time.Minute); w.now.Before(end) && len(w.broken) == 0; {
			w.step()
		}
		w.wild = false
		for end := w.now.Add(10 * time.Minute); w.now.Before(end) && len(w.tasks) > 0 && len(w.broken) == 0; {
			w.step()
		}
		if len(w.broken) > 0 {
			t.Fatalf("seed %d: %s", seed, strings.Join(w.broken, "\n"))
		}
		if len(w.tasks) > 0 {
			t.Fatalf("seed %d: %d of %d tasks are left at %s: %s", seed, len(w.tasks), w.made, w.now, w.left())
		}
		made, epochs = made+int64(w.made), epochs+w.epoch
	}
	if made < 50*int64(*seeds) || epochs < 3*int64(*seeds) {
		t.Errorf("%d tasks and %d leaders: there was little to see", made, epochs)
	}
}

// left says what is known of what is left.
func (w *world) left() string {
	var out []string
	for id, j := range w.tasks {
		h := w.host(j.host)
		out = append(out, fmt.Sprintf("%s of %s on %q, known there %t: %s", id, j.host, j.agent, h.knows[id], h.owner.Why(id).Why))
	}
	return strings.Join(out, "\n")
}
