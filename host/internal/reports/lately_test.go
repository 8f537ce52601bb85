package reports

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store/memstore"
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
		list, _ := l.list(run, node, limit)
		for _, r := range list {
			out = append(out, r.Message)
		}
		return strings.Join(out, " ")
	}
	count := func(run, node string) [2]int {
		list, gone := l.list(run, node, 1000)
		return [2]int{len(list), gone}
	}
	for node, want := range map[string][2]int{"": {2*latelyEach + 5, 2*latelyEach + 1}, "shot": {latelyEach + 5, 0}, "shot[0]": {53, 0}, "mix": {latelyEach, 2*latelyEach + 1}, "none": {0, 0}} {
		if got := count("run_1", node); got != want {
			t.Errorf("%d of %q are kept and gone, want %d", got, node, want)
		}
	}
	if got := said("run_1", "mix", 3); got != "298 299 again" {
		t.Errorf("%q", got)
	}
	if got := said("run_1", "shot", 3); got != "102 103 104" {
		t.Errorf("%q", got)
	}
	if got, gone := l.list("run_2", "", 9); got == nil || len(got) != 0 || gone != 0 {
		t.Errorf("%v, and %d are gone", got, gone)
	}

	for n := range 9 { // of a curve the newest
		r := spoken("run_3", "node.fit/1", n, fmt.Sprint(n))
		r.Kind, r.Curve = sdk.ReportCurve, &sdk.Curve{Name: []string{"loss", "rate"}[n%2], X: make([]float64, sdk.MaxCurve)}
		l.add(r)
	}
	if got := said("run_3", "fit", 9); got != "7 8" {
		t.Errorf("curves %q", got)
	}

	for n := range 9 { // few, but large
		l.add(spoken("run_2", "node.big/1", n, strings.Repeat("x", latelyBytes/4)))
	}
	l.add(spoken("run_2", "node.big/1", 9, strings.Repeat("x", latelyBytes)))
	l.add(client.Report{Address: sdk.Address{Run: "run_2"}, Report: sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte{1}}})
	if got := count("run_2", ""); got != [2]int{3, 7} { // one of them was too large, and a checkpoint is none
		t.Errorf("%d large ones are kept and gone, want 3 and 7", got)
	}

	l.add(spoken("run_1", "node.mix/2", 1000, "last"))
	for n := range 2 * latelyAll / latelyBytes { // more than all may have
		l.add(spoken("run_3", fmt.Sprintf("node.n[%d]/1", n), n, strings.Repeat("x", latelyBytes-512)))
		l.add(spoken("run_1", "node.mix/2", n, "kept"))
	}
	if l.size > latelyAll || l.size < latelyAll/2 || l.order.Len() != len(l.of["run_3"])+1 {
		t.Errorf("%d bytes of %d nodes", l.size, l.order.Len())
	}
	if got := count("run_1", "mix"); got[0] != latelyEach {
		t.Errorf("%d of who speaks on", got)
	}
	if got := count("run_2", ""); got != [2]int{0, 10} {
		t.Errorf("%d of who does not are kept and gone, want 0 and 10", got)
	}
	for _, run := range []string{"run_1", "run_3", "run_9"} { // they are removed
		l.drop(run)
	}
	if l.size != 0 || l.order.Len() != 0 || len(l.of) != 0 || count("run_1", "mix") != [2]int{} || count("run_2", "") != [2]int{0, 10} {
		t.Errorf("%d bytes of %d nodes of %d runs are left of runs that were removed, and %v", l.size, l.order.Len(), len(l.of), l.gone)
	}
	for n := range latelyGone + 1 {
		l.lose("run_4", fmt.Sprint("run_4/node.n[", n, "]"), 1)
	}
	if len(l.gone) > latelyGone {
		t.Errorf("it is known of %d nodes how much is gone", len(l.gone))
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
				_, _ = l.list("run_1", "n", 10)
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

// TestLogIsFull: the last line of a log that is full says that it is, and there is nothing after it.
func TestLogIsFull(t *testing.T) {
	t.Parallel()
	l := newLogs(t.TempDir(), memstore.New())
	at := sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "n"}, Attempt: 1}
	for n := range maxLog/maxLogLine + 10 {
		l.write(at, "info", strings.Repeat("x", maxLogLine), time.Unix(int64(n), 0))
	}
	l.close()
	raw, err := os.ReadFile(l.path("run_1"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(raw) > maxLog || !strings.Contains(lines[len(lines)-1], "the log of this run is full") || strings.Count(string(raw), "is full") != 1 {
		t.Errorf("%d bytes, and last %.200s", len(raw), lines[len(lines)-1])
	}
}
