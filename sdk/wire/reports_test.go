package wire

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// stuck is a connection on which the first message is under way until it is freed.
type stuck struct {
	begun, free chan struct{}
	sent        []*Report
}

func newStuck() *stuck { return &stuck{begun: make(chan struct{}), free: make(chan struct{})} }

func (s *stuck) send(group []*Report) error {
	if s.sent == nil {
		close(s.begun)
		<-s.free
	}
	s.sent = append(s.sent, group...)
	return nil
}

func progress(i int) sdk.Report {
	return sdk.Report{Kind: sdk.ReportProgress, Message: fmt.Sprint(i)}
}

func messages(rs []*Report) string {
	var b strings.Builder
	for _, r := range rs {
		b.WriteString(r.Message + string(r.Checkpoint) + " ")
	}
	return strings.TrimSpace(b.String())
}

// TestVersionsComeTogether: of versions there is one report at a time, however often they are told.
func TestVersionsComeTogether(t *testing.T) {
	t.Parallel()
	c := newStuck()
	r := newReports(c.send)
	r.add(progress(0))
	<-c.begun
	r.add(sdk.Report{Kind: sdk.ReportUsage})
	for i := range 3 {
		r.add(sdk.Report{Kind: sdk.ReportUsage, Usage: &sdk.Usage{Versions: map[string]string{"engine": fmt.Sprint(i), fmt.Sprint("pack", i): "1"}}})
	}
	close(c.free)
	rest := append(r.end(), c.sent[1:]...)
	if len(rest) != 1 || fmt.Sprint(rest[0].Versions) != "map[engine:2 pack0:1 pack1:1 pack2:1]" {
		t.Errorf("%v", rest)
	}
}

// TestReportsPileUp: while a message is under way nothing waits, the oldest are dropped, and never the last checkpoint.
func TestReportsPileUp(t *testing.T) {
	t.Parallel()
	c := newStuck()
	r := newReports(c.send)
	r.add(progress(-1))
	<-c.begun
	for _, text := range []string{"old", "new"} {
		r.add(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte(text)})
	}
	for i := range 3 * maxPending {
		r.add(progress(i))
	}
	close(c.free)
	all := append(r.end(), c.sent...)
	if len(all) != maxPending+1 {
		t.Errorf("%d reports are left of %d", len(all), maxPending)
	}
	text := " " + messages(all) + " "
	if strings.Contains(text, " old ") || !strings.Contains(text, " new ") {
		t.Error("the last checkpoint is gone, or the one before it is not")
	}
	if !strings.Contains(text, fmt.Sprintf(" %d ", 3*maxPending-1)) || strings.Contains(text, " 0 ") {
		t.Error("the newest report is gone, or the oldest is not")
	}
}

func TestReportsInOrder(t *testing.T) {
	t.Parallel()
	c := newStuck()
	r := newReports(c.send)
	r.add(progress(0))
	<-c.begun
	r.add(progress(1))
	close(c.free)
	r.add(progress(2))
	rest := r.end()
	r.add(progress(3))
	if got := messages(append(c.sent, rest...)); got != "0 1 2" {
		t.Errorf("got %s", got)
	}
	if more := r.end(); len(more) != 0 {
		t.Errorf("after its end it took %v", more)
	}
}

func TestLargeCheckpoint(t *testing.T) {
	t.Parallel()
	c := newStuck()
	close(c.free)
	r := newReports(c.send)
	r.add(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: make([]byte, sdk.MaxCheckpoint)})
	r.add(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: make([]byte, sdk.MaxCheckpoint+1)})
	rest := r.end()
	all := append(c.sent, rest...)
	if len(all) != 2 || len(all[0].Checkpoint) != sdk.MaxCheckpoint {
		t.Fatalf("got %d reports", len(all))
	}
	if w := all[1]; w.Kind != "log" || w.Level != "warn" || w.Checkpoint != nil || !strings.Contains(w.Message, "4097 bytes was dropped") {
		t.Errorf("got %v", w)
	}
}

// TestReportsHammer: from many goroutines, with an end in between, and to a host that may be gone.
func TestReportsHammer(t *testing.T) {
	t.Parallel()
	for range 20 {
		sent := 0
		r := newReports(func(g []*Report) error {
			if sent += len(g); sent > 200 {
				return errors.New("the host is gone")
			}
			return nil
		})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range 100 {
					r.add(progress(i))
				}
			})
		}
		r.end()
		wg.Wait()
		if rest := r.end(); len(rest) != 0 || sent > 400 {
			t.Errorf("%d reports are left and %d sent", len(rest), sent)
		}
	}
}
