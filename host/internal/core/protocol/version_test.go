package protocol

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestUnderstands(t *testing.T) {
	t.Parallel()
	for v, want := range map[int]bool{0: true, Version: true, Version + 1: true, Version + 2: false, -1: true, 99: false} {
		if Understands(v) != want {
			t.Errorf("version %d: %t", v, !want)
		}
	}
}

// TestIncompatible: the error names both versions, and what is installed where, whichever end is older.
func TestIncompatible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, agent int
		want        string
	}{
		{3, 0, "agent box2 is of spinbot 0.2 (messages of version 1), host box1 of spinbot 0.1 (version 3), too far apart to work together: install spinbot 0.1 on box2, and start spinbot agent there again"},
		{1, 3, "install spinbot 0.2 on box1, and start spinbot serve there again"},
	} {
		e := &IncompatibleError{Host: End{"box1", "0.1", c.host}, Agent: End{"box2", "0.2", c.agent}}
		if !strings.HasSuffix(e.Error(), c.want) {
			t.Errorf("%s\nwant %s", e, c.want)
		}
	}
}

// TestAgentTooFarAway: a host gives it nothing, and what it had is lost; when it comes back as one that is understood all is well.
func TestAgentTooFarAway(t *testing.T) {
	t.Parallel()
	h := NewHost(HostConfig{ID: "h"})
	h.Beat(Beat{V: Version, Agent: "a", Session: "1"}, 0)
	h.Dispatch("a", Task{ID: "run/1", Body: []byte(`{}`)})
	h.Acts()
	far := Beat{V: Version + 2, Agent: "a", Session: "2", Held: map[string]Holding{"h": {Running: []string{"run/9"}}}}
	h.Beat(far, 1)
	h.Dispatch("a", Task{ID: "run/2", Body: []byte(`{}`)})
	acts := h.Acts()
	if len(acts.Changed) != 1 || acts.Changed[0].Away != "incompatible" || acts.Changed[0].Offline || len(acts.Tasks)+len(acts.Control)+len(acts.Ask) != 0 {
		t.Errorf("%+v", acts)
	}
	if len(acts.Ended) != 2 || acts.Ended[0].Error.Cause != sdk.CauseLost || acts.Ended[1].Error.Cause != sdk.CauseRefused || !strings.Contains(acts.Ended[1].Error.Message, "incompatible") {
		t.Errorf("%+v", acts.Ended)
	}
	h.Beat(Beat{V: Version, Agent: "a", Session: "3"}, 2)
	h.Dispatch("a", Task{ID: "run/3", Body: []byte(`{}`)})
	if acts := h.Acts(); acts.Changed[0].Away != "" || len(acts.Tasks) != 1 {
		t.Errorf("%+v", acts)
	}
}
