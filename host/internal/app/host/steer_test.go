package host

import (
	"errors"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// states gives the state of each node of a run.
func states(r client.Run) map[string]string {
	out := map[string]string{}
	for _, n := range r.Nodes {
		out[n.At] = n.State
	}
	return out
}

// TestCancelOneNode: a node is cancelled over the API, and the run goes on as its on_failure says.
func TestCancelOneNode(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	r := submit(t, c, "pipeline \"x\" {}\nnode \"test.wait\" \"long\" {\n  for = \"1h\"\n  on_failure = \"skip\"\n}\ngate \"ok\" { message = \"OK?\" }\n")
	until(t, c, r.ID, started("long"))
	if _, err := c.Tell(t.Context(), r.ID, client.WordCancel, client.Word{At: "node.long", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	until(t, c, r.ID, func(e run.Event) bool { return e.Kind == run.AttemptEnded && e.Node == "long" })
	r, err := c.Run(t.Context(), r.ID)
	if got := states(r); err != nil || got["node.long"] != "cancelled" || got["gate.ok"] != "waiting" {
		t.Errorf("%v %v", got, err)
	}
	var p *client.Problem
	if _, err := c.Tell(t.Context(), r.ID, client.WordCancel, client.Word{At: "node.none"}); !errors.As(err, &p) || p.Code != client.CodeNotFound {
		t.Errorf("%v", err)
	}
	if _, err := c.Tell(t.Context(), r.ID, client.WordCancel, client.Word{At: "node.long[", Reason: "x"}); !errors.As(err, &p) || p.Code != client.CodeBadRequest {
		t.Errorf("%v", err)
	}
}

// TestRerunFromNode: a run is repeated over the API from a node on: what is before it is taken as it was.
func TestRerunFromNode(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	const text = `pipeline "x" {}
node "test.echo" "a" { value = "one" }
node "test.echo" "b" { value = node.a.value }
node "test.echo" "c" { value = node.b.value }
`
	first := submit(t, c, text)
	until(t, c, first.ID, ended)
	r, err := c.Submit(t.Context(), client.Submission{Rerun: &client.Rerun{Of: first.ID, From: []string{"node.b"}}})
	if err != nil || r.Parent != first.ID {
		t.Fatalf("%+v %v", r, err)
	}
	did := map[string]run.Kind{}
	for _, e := range until(t, c, r.ID, ended) {
		if e.Kind == run.AttemptStarted || e.Kind == run.NodeCachedEvent {
			did[e.Node] = e.Kind
		}
	}
	if did["a"] != run.NodeCachedEvent || did["b"] != run.AttemptStarted {
		t.Errorf("%v", did)
	}
	if r, err := c.Run(t.Context(), r.ID); err != nil || r.State != "succeeded" {
		t.Errorf("%+v %v", r, err)
	}
	var p *client.Problem
	for _, bad := range []client.Rerun{{Of: first.ID, From: []string{"node.none"}}, {Of: "run_none"}} {
		if _, err := c.Submit(t.Context(), client.Submission{Rerun: &bad}); !errors.As(err, &p) || p.Code != client.CodeNotFound || p.Fix == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := c.Submit(t.Context(), client.Submission{Rerun: &client.Rerun{Of: "run_"}}); !errors.As(err, &p) || p.Code != client.CodeBadRequest {
		t.Errorf("%v", err)
	}
}
