package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// rig is a hub over a store, whose runs have as many nodes as events.
type rig struct {
	*Hub
	t     *testing.T
	store *memstore.Store
	reads atomic.Int64 // of the journal
	shows atomic.Int64

	mu      sync.Mutex
	reports map[string]chan client.Report
	newest  []client.Report
}

// counted counts reads.
type counted struct {
	store.Journal
	reads *atomic.Int64
}

func (c counted) Read(ctx context.Context, run string, after uint64, limit int) ([]store.Event, error) {
	c.reads.Add(1)
	return c.Journal.Read(ctx, run, after, limit)
}

func (r *rig) Reports(_ context.Context, run string) <-chan client.Report { return r.said(run) }

func (r *rig) said(run string) chan client.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reports[run] == nil {
		r.reports[run] = make(chan client.Report, 1000)
	}
	return r.reports[run]
}

func (r *rig) Newest(string) []client.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.newest)
}

// job is half done, and what is newest of its last node of the other half.
func (r *rig) job(ctx context.Context, id string) (client.Job, error) {
	h, err := r.store.Find(ctx, id)
	j := client.Job{JobID: h.Run, Status: strings.ToUpper(h.State), Progress: 50}
	for _, n := range r.Newest(id) {
		j.Progress += int(50 * n.Fraction)
	}
	if h.State == "succeeded" {
		j.Progress = 100
	}
	return j, err
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, store: memstore.New(), reports: map[string]chan client.Report{}}
	r.Hub = New(Config{Journal: counted{r.store, &r.reads}, Index: r.store, Live: r, Job: r.job,
		Show: func(ctx context.Context, id string) (client.Run, error) {
			r.shows.Add(1)
			h, err := r.store.Find(ctx, id)
			run := r.summary(h)
			for k := range h.Seq {
				run.Nodes = append(run.Nodes, client.Node{At: fmt.Sprint("node.n", k), Attempt: 1, State: "succeeded"})
			}
			run.Nodes = append(run.Nodes, client.Node{At: "node.last", Attempt: 1, State: "running"})
			return run, err
		},
		Summary: r.summary,
		Problem: func(err error) *client.Problem {
			var p *client.Problem
			if errors.As(err, &p) {
				return p
			}
			return &client.Problem{Code: client.CodeInternal, Detail: err.Error()}
		}})
	t.Cleanup(r.Close)
	return r
}

func (r *rig) summary(h store.Head) client.Run {
	return client.Run{ID: h.Run, State: h.State, Seq: h.Seq}
}

// record appends events of some size to a run, which then stands in a state.
func (r *rig) record(run, state string, n, size int) {
	r.t.Helper()
	h, _ := r.store.Find(context.Background(), run) // a new run has none
	a := store.Append{Run: run, After: h.Seq, Head: &store.Head{Run: run, State: state, Seq: h.Seq + uint64(n)}}
	for range n {
		a.Events = append(a.Events, []byte(`"`+strings.Repeat("x", size)+`"`))
	}
	if err := r.store.Append(context.Background(), a); err != nil {
		r.t.Error(err)
	}
}

// reader reads a line.
type reader struct {
	*Line
	t    *testing.T
	more chan struct{}
	rest []client.Message
	cuts atomic.Int64
}

func (r *rig) reader(patient bool) *reader {
	e := &reader{t: r.t, more: make(chan struct{}, 1)}
	wake := func() { poke(e.more) }
	cut := func() { e.cuts.Add(1) }
	if patient {
		cut = nil
	}
	e.Line = r.Line(wake, cut)
	r.t.Cleanup(e.Close)
	return e
}

func (e *reader) follow(of Target, from From) {
	e.t.Helper()
	if err := e.Subscribe(e.t.Context(), of, from); err != nil {
		e.t.Fatal(err)
	}
}

func after(n uint64) From { return From{After: &n} }

// next gives the next message, waiting for it.
func (e *reader) next() client.Message {
	e.t.Helper()
	late := time.After(30 * time.Second)
	for len(e.rest) == 0 {
		b, err := e.Next(e.t.Context())
		switch {
		case err != nil:
			e.t.Fatal(err)
		case b != nil:
			e.rest = b.Messages
			continue
		}
		select {
		case <-e.more:
		case <-late:
			e.t.Fatal("nothing comes")
		}
	}
	m := e.rest[0]
	e.rest = e.rest[1:]
	return m
}

// expect wants messages, each written as its type with what names it.
func (e *reader) expect(want ...string) {
	e.t.Helper()
	for _, w := range want {
		if got := text(e.next()); got != w {
			e.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

func text(m client.Message) string {
	s := m.Type + " " + m.RunID + m.JobID
	if m.Seq > 0 {
		s += fmt.Sprintf(" %d", m.Seq)
	}
	if m.Type == client.MessageUpdate {
		s += fmt.Sprintf(" %s %d", m.Status, *m.Progress)
	}
	if m.Type == client.MessageError {
		var p client.Problem
		_ = json.Unmarshal(m.Data, &p)
		s += " " + p.Code
	}
	return s
}

var a = Target{Run, "run_a"}

func TestFromTheSnapshotOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 3, 1)
	e := r.reader(false)
	e.follow(a, From{Snapshot: true})
	e.expect("snapshot run_a 3")
	r.record("run_a", "running", 2, 1)
	e.expect("event run_a 4", "event run_a 5")
	r.said("run_a") <- client.Report{Report: sdk.Report{Kind: sdk.ReportLog}}
	e.expect("report run_a")
	r.said("run_a") <- client.Report{Report: sdk.Report{Kind: sdk.ReportLog}}
	r.record("run_a", "succeeded", 1, 1)
	said := 0
	for m := e.next(); m.Type != client.MessageEnd; m = e.next() { // the last words come before the end, whatever is first
		if m.Type == client.MessageReport {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d last words", said)
	}

	e.follow(a, From{Snapshot: true, After: new(uint64)})
	e.expect("snapshot run_a 6", "event run_a 1", "event run_a 2", "event run_a 3", "event run_a 4", "event run_a 5", "event run_a 6", "end run_a")
	for _, n := range []uint64{7, 99, math.MaxUint64 - 1, math.MaxUint64} {
		if err := e.Subscribe(t.Context(), a, after(n)); err == nil || !strings.Contains(err.Error(), "the last event of run_a is 6") {
			t.Errorf("after %d: %v", n, err)
		}
	}
	r.record("run_a", "running", 1, 1) // it was resumed
	e.follow(a, after(6))
	e.expect("event run_a 7")
	if got := r.shows.Load(); got != 2 {
		t.Errorf("%d runs were shown for two snapshots", got)
	}
}

// TestNewestComesFirst: who joins hears how far each node is.
func TestNewestComesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	r.newest = []client.Report{{Report: sdk.Report{Message: "second"}}, {Report: sdk.Report{Message: "first"}}}
	e := r.reader(false)
	e.follow(a, after(0))
	e.expect("event run_a 1")
	for _, want := range []string{"second", "first"} {
		if m := e.next(); !strings.Contains(string(m.Data), want) {
			t.Errorf("got %s, want %s", m.Data, want)
		}
	}
}

// TestNothingSaidIsMissed: what was reported between the snapshot and the moment at which one is live comes too.
func TestNothingSaidIsMissed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	live, slow := r.reader(false), r.reader(false)
	live.follow(a, From{Snapshot: true})
	live.expect("snapshot run_a 1")
	say := func(words string) {
		r.said("run_a") <- client.Report{Report: sdk.Report{Kind: sdk.ReportLog, Message: words}}
		for m := live.next(); !strings.Contains(string(m.Data), words); m = live.next() {
		}
	}
	say("before")
	slow.follow(a, From{Snapshot: true})
	slow.expect("snapshot run_a 1")
	say("between")
	if m := slow.next(); !strings.Contains(string(m.Data), "between") {
		t.Errorf("got %s %s", text(m), m.Data)
	}

	slow.follow(a, From{Snapshot: true})
	slow.expect("snapshot run_a 1")
	say("last words")
	r.record("run_a", "succeeded", 1, 1)
	live.expect("event run_a 2", "end run_a")
	slow.expect("event run_a 2", "report run_a", "end run_a")
}

// TestNoGapNoDouble: lines that come and go at any time, while a run goes on, miss nothing and get nothing twice.
func TestNoGapNoDouble(t *testing.T) {
	t.Parallel()
	const events = 600
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	var all sync.WaitGroup
	for k := range 40 {
		all.Go(func() {
			e := r.reader(k%4 == 0)
			random := rand.New(rand.NewPCG(uint64(k), 0))
			have := uint64(random.IntN(2))
			for {
				e.follow(a, after(have))
				for n := random.IntN(200); n > 0; n-- {
					m := e.next()
					if m.Type == client.MessageEnd {
						if have != events {
							t.Errorf("it ended at %d", have)
						}
						return
					}
					if have++; m.Seq != have {
						t.Errorf("got %s, want event %d", text(m), have)
						return
					}
				}
				e.Unsubscribe(a)
				e.rest = nil
				for b, _ := e.Next(t.Context()); b != nil; b, _ = e.Next(t.Context()) {
					t.Errorf("got %s of what is not followed", text(b.Messages[0]))
				}
			}
		})
	}
	for n := 2; n < events; n++ {
		r.record("run_a", "running", 1, n)
	}
	r.record("run_a", "failed", 1, 1)
	all.Wait()
	r.empty()
}

// empty wants every topic to be gone.
func (r *rig) empty() {
	r.t.Helper()
	r.Hub.mu.Lock()
	defer r.Hub.mu.Unlock()
	if len(r.topics) > 0 {
		r.t.Errorf("%d topics are left", len(r.topics))
	}
}

// TestOneReadForAll: the journal is read as often for a hundred lines as for one.
func TestOneReadForAll(t *testing.T) {
	t.Parallel()
	const lines, events = 100, 50
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	var all []*reader
	for range lines {
		e := r.reader(false)
		e.follow(a, From{Snapshot: true})
		e.expect("snapshot run_a 1")
		if b, err := e.Next(t.Context()); b != nil || err != nil {
			t.Fatal(b, err) // it is live then
		}
		all = append(all, e)
	}
	shared := map[*Batch]int{}
	for n := range events {
		r.record("run_a", "running", 1, 1)
		for _, e := range all {
			e.expect(fmt.Sprintf("event run_a %d", n+2))
		}
	}
	if got := r.reads.Load(); got > events {
		t.Errorf("%d reads of the journal for %d events", got, events)
	}
	if got := r.shows.Load(); got != 1 {
		t.Errorf("the run was shown %d times", got)
	}
	r.record("run_a", "running", 1, 1)
	for _, e := range all {
		for {
			b, err := e.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if b != nil {
				shared[b]++
				break
			}
			<-e.more
		}
	}
	if len(shared) != 1 {
		t.Errorf("%d batches were made of one event", len(shared))
	}
}

// TestSlowLineIsCut: one that does not read is cut, once, and the others get everything.
func TestSlowLineIsCut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	slow, quick, patient := r.reader(false), r.reader(false), r.reader(true)
	for _, e := range []*reader{slow, quick, patient} {
		e.follow(a, after(0))
		e.expect("event run_a 1")
		if b, _ := e.Next(t.Context()); b != nil {
			t.Fatal(text(b.Messages[0]))
		}
	}
	const events, size = 40, 64 << 10
	for n := range events {
		r.record("run_a", "running", 1, size)
		quick.expect(fmt.Sprintf("event run_a %d", n+2))
	}
	if got := slow.cuts.Load(); got != 1 || slow.size != 0 || quick.cuts.Load() != 0 {
		t.Errorf("cut %d times, %d bytes wait", got, slow.size)
	}
	if b, err := slow.Next(t.Context()); b != nil || err != nil {
		t.Errorf("it is still told something: %v, %v", b, err)
	}
	for n := range events {
		patient.expect(fmt.Sprintf("event run_a %d", n+2))
	}
}

// TestJob: a job is told at once, and again when it changes; one that is not there harms no other.
func TestJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	e, late := r.reader(false), r.reader(false)
	job := Target{Job, "run_a"}
	e.follow(job, From{})
	e.expect("update run_a RUNNING 50")
	if err := e.Subscribe(t.Context(), Target{Job, "run_"}, From{}); err == nil || !strings.Contains(err.Error(), "no run") {
		t.Errorf("a job that is not there: %v", err)
	}
	late.follow(job, From{})
	late.expect("update run_a RUNNING 50")
	address := sdk.Address{Run: "run_a", Node: sdk.Step{Kind: "node", Name: "last"}, Attempt: 1}
	r.mu.Lock()
	r.newest = []client.Report{{Address: address, Report: sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.5}}}
	r.mu.Unlock()
	r.said("run_a") <- r.newest[0]
	for _, e := range []*reader{e, late} {
		e.expect("update run_a RUNNING 75")
	}
	r.record("run_a", "succeeded", 1, 1)
	for _, e := range []*reader{e, late} {
		e.expect("update run_a SUCCEEDED 100")
		e.Unsubscribe(job)
	}
	r.empty()
}

// TestRuns: whoever follows the list is told of those that have changed.
func TestRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Changed("run_x") // nobody cares
	e := r.reader(false)
	e.follow(Target{Kind: Runs}, From{})
	e.expect("runs ")
	r.record("run_a", "running", 1, 1)
	r.Changed("run_gone")
	r.Changed("run_a")
	e.expect("run run_a 1")
	r.record("run_a", "failed", 1, 1)
	r.Changed("run_a")
	if m := e.next(); text(m) != "run run_a 2" || !strings.Contains(string(m.Data), `"state":"failed"`) {
		t.Errorf("got %s %s", text(m), m.Data)
	}
}

// TestRunsOfOthers: of what another host records, whoever follows the list is told what changes a state, once.
func TestRunsOfOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Heard("run_a") // nobody cares
	e := r.reader(false)
	e.follow(Target{Kind: Runs}, From{})
	e.expect("runs ")
	r.record("run_a", "running", 1, 1)
	r.Heard("run_a")
	r.Heard("run_gone")
	e.expect("run run_a 1")
	r.record("run_a", "running", 1, 1) // is not told of
	r.Heard("run_a")
	r.record("run_b", "running", 1, 1)
	r.Changed("run_b")
	e.expect("run run_b 1")
	r.Heard("")
	e.expect("runs ")
	r.record("run_a", "failed", 1, 1)
	r.Heard("run_a")
	e.expect("run run_a 3")
	r.record("run_a", "running", 1, 1) // it was resumed
	r.Heard("run_a")
	e.expect("run run_a 4")
}

// TestErrorsOfOne: what is wrong with one subscription is told, and the others go on.
func TestErrorsOfOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 1, 1)
	r.record("run_b", "running", 1, 1)
	e := r.reader(false)
	e.follow(a, after(1))
	e.follow(Target{Run, "run_b"}, after(1))
	if b, _ := e.Next(t.Context()); b != nil {
		t.Fatal(b)
	}
	if err := r.store.Remove(t.Context(), "run_a", 1); err != nil {
		t.Fatal(err)
	}
	if err := e.Subscribe(t.Context(), a, after(0)); err == nil {
		t.Error("a run that is gone can be followed")
	}
	e.Problem(a, &client.Problem{Code: client.CodeNotFound})
	r.record("run_b", "running", 1, 1)
	e.expect("error run_a not_found", "event run_b 2")
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	e.expect("error run_b internal")
	r.empty()
}

// TestClosedLine: what is closed follows nothing, and takes nothing up.
func TestClosedLine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.reader(false)
	for k := range 10 {
		id := fmt.Sprintf("run_%03d", k)
		r.record(id, "running", 1, 1)
		e.follow(Target{Run, id}, after(0))
	}
	e.follow(Target{Run, "run_000"}, after(0)) // again is not one more
	if e.Len() != 10 {
		t.Errorf("it follows %d", e.Len())
	}
	e.Close()
	if err := e.Subscribe(t.Context(), Target{Run, "run_000"}, after(0)); err == nil || e.Len() != 0 {
		t.Error("a closed line subscribes")
	}
	r.empty()
}

// TestTurn: alone a word is said at once; the more was said, the longer the next waits, and never long.
func TestTurn(t *testing.T) {
	t.Parallel()
	h := New(Config{})
	now := time.Unix(1000, 0)
	for k, c := range []struct {
		after time.Duration
		lines int
		want  time.Duration
	}{
		{0, 100, 0}, {0, 100, 3 * time.Millisecond}, {10 * time.Millisecond, 1000, 0}, {5 * time.Millisecond, 1000, 25 * time.Millisecond},
		{0, 10_000, longest}, {0, 10_000, longest}, {time.Second, 1, 0},
	} {
		now = now.Add(c.after)
		if got := h.turn(c.lines, now); got != c.want {
			t.Errorf("%d: waits %v, want %v", k, got, c.want)
		}
	}
}

// TestReportsThatWait: of progress the newest counts, and of all else the last.
func TestReportsThatWait(t *testing.T) {
	t.Parallel()
	var said []client.Report
	for n := range 2 * maxSaid {
		said = add(said, client.Report{Report: sdk.Report{Kind: sdk.ReportLog, Message: fmt.Sprint(n)}})
		said = add(said, client.Report{Report: sdk.Report{Kind: sdk.ReportProgress, Fraction: float64(n)}})
	}
	first, last := said[0], said[len(said)-1]
	if len(said) != maxSaid || first.Message != fmt.Sprint(maxSaid+1) || last.Fraction != 2*maxSaid-1 {
		t.Errorf("%d wait, from %+v to %+v", len(said), first.Report, last.Report)
	}
	said = nil
	for n := range 6 {
		said = add(said, client.Report{Report: sdk.Report{Kind: sdk.ReportCurve, Message: fmt.Sprint(n), Curve: &sdk.Curve{Name: []string{"loss", "rate"}[n%2]}}})
	}
	if len(said) != 2 || said[0].Message != "4" || said[1].Message != "5" {
		t.Errorf("of curves %+v wait", said)
	}
}

func TestBatchAsJSON(t *testing.T) {
	t.Parallel()
	one := client.Message{Type: "event", RunID: "run_a", Seq: 1, Data: json.RawMessage(`{"n":1}`)}
	two := one
	two.Seq = 2
	for want, b := range map[string]*Batch{
		`{"type":"event","runId":"run_a","seq":1,"data":{"n":1}}`:                                                           newBatch(a, one),
		`[{"type":"event","runId":"run_a","seq":1,"data":{"n":1}},{"type":"event","runId":"run_a","seq":2,"data":{"n":1}}]`: newBatch(a, one, two),
		`{"type":"event","runId":"run_a","seq":2,"data":{"n":1}}`:                                                           newBatch(a, one, two).from(2),
		`{"type":"error","runId":"run_a"}`:                                                                                  newBatch(a, client.Message{Data: json.RawMessage(`{`)}),
	} {
		made := 0
		for range 2 {
			if got := b.Shared(func(raw []byte) any { made++; return string(raw) }); got != want || made != 1 {
				t.Errorf("got %s after %d, want %s", got, made, want)
			}
		}
	}
	if newBatch(a, one, two).from(3) != nil {
		t.Error("something is left of a batch that is known whole")
	}
}

// TestNothingToRead: where there is nothing behind a number, nobody reads again and again.
func TestNothingToRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.record("run_a", "running", 3, 1)
	e := r.reader(true)
	e.follow(a, after(3))
	if b, err := e.Next(t.Context()); b != nil || err != nil {
		t.Errorf("behind the last number: %v, %v", b, err)
	}
	r.record("run_b", "succeeded", 300, 1)
	late := r.reader(true)
	late.follow(Target{Run, "run_b"}, after(0))
	if b, err := late.Next(t.Context()); b == nil || err != nil {
		t.Fatal(b, err)
	}
	if err := r.store.Remove(t.Context(), "run_b", 300); err != nil {
		t.Fatal(err)
	}
	if b, err := late.Next(t.Context()); err != nil || b == nil || b.Messages[0].Type != client.MessageError {
		t.Errorf("of a run that was removed meanwhile: %v, %v", b, err)
	}
	if n := r.reads.Load(); n > 20 {
		t.Errorf("the journal was read %d times", n)
	}
}
