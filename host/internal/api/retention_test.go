package api

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestSweep: anybody may ask what would go; only the machine's own user removes.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var s client.Swept
	b.post(t, "/api/v1/gc", `{"dry_run": true, "older_than": "7d"}`).into(t, &s)
	if !s.DryRun || s.FreedBytes != 7 {
		t.Errorf("got %+v", s)
	}
	b.post(t, "/api/v1/gc", `{}`).problem(t, 403, client.CodeForbidden, "private socket")
	b.post(t, "/api/v1/gc", `{"dry": true}`).problem(t, 400, client.CodeBadRequest, "dry")
	if s, err := b.unix.Sweep(t.Context(), client.Sweep{OlderThan: "1d"}); err != nil || s.DryRun {
		t.Errorf("got %+v, %v", s, err)
	}
	if got := strings.Join(b.runs.told, ", "); got != "sweep true 7d, sweep false 1d" {
		t.Errorf("asked was: %s", got)
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "succeeded", `{"seq": 1}`)
	for word, on := range map[string]bool{"pin": true, "unpin": false} {
		var r client.Run
		b.post(t, "/api/v1/runs/last/"+word, `{}`).into(t, &r)
		if r.ID != "run_a" || r.Pinned != on {
			t.Errorf("%s: got %+v", word, r)
		}
		var l client.RunList
		b.get(t, "/api/v1/runs").into(t, &l)
		if len(l.Runs) != 1 || l.Runs[0].Pinned != on {
			t.Errorf("%s: listed is %+v", word, l.Runs)
		}
		b.post(t, "/api/v1/runs/nobody/"+word, `{}`).problem(t, 404, client.CodeNotFound, "no run nobody")
	}
}
