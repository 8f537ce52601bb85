package host

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestGates: the open questions of all runs are listed, also after a restart, and of runs that ask nothing no journal is read.
func TestGates(t *testing.T) {
	t.Parallel()
	h := open(t)
	const text = `pipeline "x" {}
node "test.wait" "w" { for = "1h" }
gate "one" { message = "One?" }
gate "two" {
  message    = "Two?"
  depends_on = [gate.one]
}
`
	opened := func(name string) func(run.Event) bool {
		return func(e run.Event) bool { return e.Kind == run.GateOpened && e.Node == "gate."+name }
	}
	gates := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); ; {
			list, err := h.Client().Gates(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range list.Gates {
				got = append(got, fmt.Sprint(g.At, " ", g.Ask.Message))
			}
			if strings.Join(got, ", ") == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	}
	quiet := submit(t, h.Client(), waits(1, "1h"))
	until(t, h.Client(), quiet.ID, started("n0"))
	if is, _ := h.runs.Silence.Is(quiet.ID); !is {
		t.Error("it is not known that a run asks nothing")
	}
	r := submit(t, h.Client(), text)
	until(t, h.Client(), r.ID, opened("one"))
	gates("gate.one One?")

	stop(t, h)
	h = reopen(t, h)
	gates("gate.one One?")
	if _, err := h.Serve(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	gates("gate.one One?")
	if _, err := h.Client().Tell(t.Context(), r.ID, client.WordAnswer, client.Word{At: "gate.one", Approved: true}); err != nil {
		t.Fatal(err)
	}
	until(t, h.Client(), r.ID, opened("two"))
	gates("gate.two Two?")
	if _, err := h.Client().Tell(t.Context(), r.ID, client.WordAnswer, client.Word{At: "gate.two", Approved: true}); err != nil {
		t.Fatal(err)
	}
	gates("")
	for _, id := range []string{quiet.ID, r.ID} {
		if is, _ := h.runs.Silence.Is(id); !is {
			t.Errorf("%s is read every time", id)
		}
		if _, err := h.Client().Cancel(t.Context(), id, ""); err != nil {
			t.Error(err)
		}
		until(t, h.Client(), id, ended)
	}
	gates("")
	stop(t, h)
}
