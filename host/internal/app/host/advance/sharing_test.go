package advance

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// TestTakeover: a host that dies is seen in 15 seconds, one that says nothing once or twice is not taken for dead, and a lead
// ends when its host may be.
func TestTakeover(t *testing.T) {
	t.Parallel()
	if silent := SilentBeats * hostBeat; silent+hostBeat > 15*time.Second || silent < 3*hostBeat || silent != store.LeadFor {
		t.Errorf("silent for %s, looked at every %s, leads for %s", silent, hostBeat, store.LeadFor)
	}
}
