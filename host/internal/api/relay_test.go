package api

import (
	"context"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeRelay knows box2, which is well, and box3, which is not; box4 does not answer.
type fakeRelay struct{}

func (fakeRelay) Health(_ context.Context, name string) (client.Health, error) {
	switch name {
	case "box2":
		return client.Health{Status: "ok", Version: "1.2.3", Checks: map[string]string{"devices": "ok"}}, nil
	case "box3":
		return client.Health{Status: "failing", Checks: map[string]string{"devices": "GPU-1: lost"}}, nil
	}
	return client.Health{}, &client.Problem{Code: client.CodeUnavailable, Detail: name + " has not said within 5s what its health is", Fix: "try again"}
}

func (f fakeRelay) Metrics(ctx context.Context, name string) (string, error) {
	_, err := f.Health(ctx, name)
	return `spinbot_x{agent="` + name + `"} 1` + "\n", err
}

func TestRelay(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for name, want := range map[string]int{"box2": 200, "box3": 503} {
		var h client.Health
		a := b.get(t, "/api/v1/agents/"+name+"/health")
		if a.status != want || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if h = (client.Health{}); want == 200 {
			a.into(t, &h)
		}
		if got, err := b.unix.AgentHealth(t.Context(), name); err != nil || (got.Status == "ok") != (want == 200) || got.Checks["devices"] == "" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if a := b.get(t, "/api/v1/agents/box2/metrics"); a.status != 200 || a.body != "spinbot_x{agent=\"box2\"} 1\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%+v", a)
	}
	for _, what := range []string{"health", "metrics"} {
		if p := b.get(t, "/api/v1/agents/box4/"+what).problem(t, 503, client.CodeUnavailable, "box4 has not said"); p.Fix == "" {
			t.Errorf("%+v", p)
		}
	}
	if _, err := b.unix.AgentHealth(t.Context(), "box4"); err == nil || !strings.Contains(err.Error(), "box4 has not said") {
		t.Error(err)
	}
}
