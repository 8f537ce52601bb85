package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestSilent: an agent is lost when it has said nothing for long enough, not before, and the host knows when to look.
func TestSilent(t *testing.T) {
	t.Parallel()
	h := NewHost(HostConfig{ID: "h", Beat: 5 * time.Second, Lost: 14 * time.Second})
	offline := func() (out []string) {
		for _, c := range h.Acts().Changed {
			if c.Offline {
				out = append(out, c.Agent)
			}
		}
		return out
	}
	beat := func(agent string, at time.Duration) { h.Beat(Beat{V: Version, Agent: agent, Session: "1"}, at) }
	beat("a", time.Second)
	beat("b", 2*time.Second)
	for _, c := range []struct {
		now, due time.Duration
		offline  string
	}{
		{2 * time.Second, 15 * time.Second, ""},
		{15*time.Second - 1, 15 * time.Second, ""},
		{15 * time.Second, 16 * time.Second, "a"},
		{16 * time.Second, 30 * time.Second, "b"},
	} {
		due, gone := h.Tick(c.now), offline()
		if due != c.due || len(gone) > 1 || len(gone) == 1 && gone[0] != c.offline || len(gone) == 0 && c.offline != "" {
			t.Errorf("at %s %v went, and it looks again at %s", c.now, gone, due)
		}
	}
	beat("a", 20*time.Second) // it is back
	beat("c", 21*time.Second)
	if due := h.Tick(21 * time.Second); due != 34*time.Second || len(offline()) != 0 {
		t.Errorf("it looks again at %s", due)
	}
	beat("a", 30*time.Second)
	if due := h.Tick(34 * time.Second); due != 35*time.Second || len(offline()) != 0 {
		t.Errorf("it looks again at %s", due)
	}
}

// TestCommittedLately: what an agent still says of an attempt that was just committed is answered without the journal; once
// it had the time to hear of that, the journal is asked.
func TestCommittedLately(t *testing.T) {
	t.Parallel()
	h := NewHost(HostConfig{ID: "h"})
	beat := func() {
		h.Beat(Beat{V: Version, Agent: "a", Session: "1", Held: map[string]Holding{"h": {Done: []string{"run/t"}}}}, 0)
	}
	h.Beat(Beat{V: Version, Agent: "a", Session: "1"}, 0)
	h.Dispatch("a", Task{ID: "run/t", Body: json.RawMessage(`{}`)})
	h.Hear("1-0", Result{ID: "run/t", Agent: "a"})
	h.Committed("run/t")
	h.Acts()
	h.Hear("2-0", Result{ID: "run/t", Agent: "a"}) // twice
	if acts := h.Acts(); len(acts.Ask) != 0 || len(acts.Trim) != 1 || acts.Trim[0] != "2-0" {
		t.Errorf("the second result: %+v", acts)
	}
	for range 2 {
		beat()
		if acts := h.Acts(); len(acts.Ask) != 0 || len(acts.Control) != 1 || len(acts.Control[0].Msg.Drop) != 1 {
			t.Errorf("a beat that was written before: %+v", acts)
		}
	}
	beat()
	if acts := h.Acts(); len(acts.Ask) != 1 || len(acts.Control) != 0 {
		t.Errorf("a beat that was written later: %+v", acts)
	}
	h.Hear("3-0", Result{ID: "run/t", Agent: "nobody knows it"})
	if acts := h.Acts(); len(acts.Ask) != 1 {
		t.Errorf("a result of an agent that is not known: %+v", acts)
	}
}

// TestNeverSent: what a host died before it sent is sent by the next one, if its agent's process is the one that should have it.
func TestNeverSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, session string
		body          json.RawMessage
		beats         int // until it is sent, or lost
		sent          bool
		lost          string
	}{
		{"the same process", "1", json.RawMessage(`{}`), missingMost, true, ""},
		{"another process", "0", json.RawMessage(`{}`), 1, false, "was restarted and knows nothing of it"},
		{"nobody knows which", "", json.RawMessage(`{}`), missingMost, false, "knows nothing of it"},
		{"nothing to send", "1", nil, missingMost, false, "knows nothing of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := NewHost(HostConfig{ID: "h"})
			h.Know("a", "", "", 0)
			h.Attach("a", c.session, Task{ID: "run/t", Body: c.body})
			for n := range c.beats {
				if acts := h.Acts(); len(acts.Tasks) != 0 || len(acts.Ended) != 0 {
					t.Fatalf("after %d beats: %+v", n, acts)
				}
				h.Beat(Beat{V: Version, Agent: "a", Session: "1"}, 0)
			}
			acts := h.Acts()
			if sent := len(acts.Tasks) == 1 && acts.Tasks[0].Agent == "a" && acts.Tasks[0].Msg.Host == "h"; sent != c.sent {
				t.Errorf("sent: %+v", acts.Tasks)
			}
			if lost := len(acts.Ended) == 1; lost != (c.lost != "") || lost && !strings.Contains(acts.Ended[0].Error.Message, c.lost) {
				t.Errorf("ended: %+v", acts.Ended)
			}
		})
	}
}
