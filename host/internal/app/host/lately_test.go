package host

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func spoken(run, node string, n int, message string) client.Report {
	a, err := sdk.ParseAddress(run + "/" + node)
	if err != nil {
		panic(err)
	}
	return client.Report{Time: time.Unix(int64(n), 0), Address: a, Report: sdk.Report{Kind: sdk.ReportLog, Message: message}}
}

// TestLately: of each node instance the last reports are kept, within bounds, and of all those that spoke last.
func TestLately(t *testing.T) {
	t.Parallel()
	l := newLately()
	for n := range latelyEach + 5 {
		l.add(spoken("run_1", fmt.Sprintf("node.shot[%d]/1", n%2), n, fmt.Sprint(n)))
	}
	for n := range 3 * latelyEach {
		l.add(spoken("run_1", "node.mix/1", n, fmt.Sprint(n)))
	}
	l.add(spoken("run_1", "node.mix/2", 999, "again"))
	said := func(run, node string, limit int) string {
		var out []string
		for _, r := range l.list(run, node, limit) {
			out = append(out, r.Message)
		}
		return strings.Join(out, " ")
	}
	for node, want := range map[string]int{"": 2*latelyEach + 5, "shot": latelyEach + 5, "shot[0]": 53, "mix": latelyEach, "none": 0} {
		if got := len(l.list("run_1", node, 1000)); got != want {
			t.Errorf("%d of %q, want %d", got, node, want)
		}
	}
	if got := said("run_1", "mix", 3); got != "298 299 again" {
		t.Errorf("%q", got)
	}
	if got := said("run_1", "shot", 3); got != "102 103 104" {
		t.Errorf("%q", got)
	}
	if got := l.list("run_2", "", 9); got == nil || len(got) != 0 {
		t.Errorf("%v", got)
	}

	for n := range 9 { // few, but large
		l.add(spoken("run_2", "node.big/1", n, strings.Repeat("x", latelyBytes/4)))
	}
	l.add(spoken("run_2", "node.big/1", 9, strings.Repeat("x", latelyBytes)))
	l.add(client.Report{Address: sdk.Address{Run: "run_2"}, Report: sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte{1}}})
	if got := len(l.list("run_2", "", 100)); got != 3 {
		t.Errorf("%d large ones are kept, want 3", got)
	}

	l.add(spoken("run_1", "node.mix/2", 1000, "last"))
	for n := range 2 * latelyAll / latelyBytes { // more than all may have
		l.add(spoken("run_3", fmt.Sprintf("node.n[%d]/1", n), n, strings.Repeat("x", latelyBytes-512)))
		l.add(spoken("run_1", "node.mix/2", n, "kept"))
	}
	if l.size > latelyAll || l.size < latelyAll/2 || l.order.Len() != len(l.of["run_3"])+1 {
		t.Errorf("%d bytes of %d nodes", l.size, l.order.Len())
	}
	if got := len(l.list("run_1", "", 1000)); got != latelyEach || len(l.of["run_2"]) != 0 {
		t.Errorf("%d of who speaks on, and %d of who does not", got, len(l.of["run_2"]))
	}
}

// TestHammerLately: nodes speak and are listened to at once.
func TestHammerLately(t *testing.T) {
	t.Parallel()
	l := newLately()
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for n := range 500 {
				l.add(spoken(fmt.Sprintf("run_%d", n%3), fmt.Sprintf("node.n[%d]/1", g), n, strings.Repeat("x", 40_000)))
				_ = l.list("run_1", "n", 10)
			}
		})
	}
	group.Wait()
	for l.order.Len() > 0 {
		l.forget(l.order.Front())
	}
	if l.size != 0 || len(l.of) != 0 {
		t.Errorf("%d bytes and %d runs are left of nothing", l.size, len(l.of))
	}
}

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
