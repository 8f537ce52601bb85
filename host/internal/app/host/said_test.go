package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestReportsAfterTheEnd: what nodes said can be asked for over the API once they have ended.
func TestReportsAfterTheEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	r := submit(t, h.Client(), "pipeline \"x\" {}\nnode \"test.report\" \"n0\" {}\nnode \"test.report\" \"n1\" {}\n")
	until(t, h.Client(), r.ID, ended)
	list, err := h.Client().Reports(t.Context(), r.ID, "n1", 0)
	if err != nil || len(list.Reports) == 0 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, one := range list.Reports {
		if !strings.HasPrefix(one.Address.String(), r.ID+"/node.n1/") {
			t.Errorf("%+v", one)
		}
	}
}

// TestAttempts: over the API a node's attempts are told with what each was given; nodes that there are none of are named.
func TestAttempts(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Cleanup(func() { stop(t, h) })
	r := submit(t, h.Client(), "pipeline \"x\" {}\nnode \"test.report\" \"n0\" {}\n")
	until(t, h.Client(), r.ID, ended)
	list, err := h.Client().Attempts(t.Context(), r.ID, "node.n0", 0)
	if err != nil || len(list.Attempts) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	if a := list.Attempts[0]; a.Number != 1 || a.State != "succeeded" || a.Ended == nil || a.Ended.Before(a.Started) || a.Problem != "" {
		t.Errorf("%+v", a)
	}
	for _, node := range []string{"node.n1", "module.x/node.n0", "%", "", "node.n0/../x"} {
		var p *client.Problem
		if _, err := h.Client().Attempts(t.Context(), r.ID, node, 0); !errors.As(err, &p) || p.Fix == "" {
			t.Errorf("%q: %v", node, err)
		}
	}
}
