package fleet

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// A connection that breaks again and again, each time for a moment, does not hide that an agent is lost.
func TestLossIsNoticedOverABadConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		deaf  time.Duration
		awake bool
	}{
		{"short breaks", 200 * time.Millisecond, false},
		{"breaks in which an agent cannot be heard", 20 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			h := NewHost(HostConfig{Info: HostInfo{ID: "h"}, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
			h.members["a"] = &Member{}
			h.end.Know("a", "", "", 0)
			for range 5 {
				for range 4 {
					h.heard(true, nil)
					now = now.Add(time.Second)
				}
				h.heard(false, errors.New("connection reset"))
				now = now.Add(c.deaf)
			}
			if awake := h.members["a"].Away == ""; awake != c.awake {
				t.Errorf("the agent is there: %t; %s", awake, h.members["a"].Away)
			}
		})
	}
}
