package bills_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/bills"
	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// kept is a store, as far as bills need it.
type kept interface {
	store.Journal
	store.Index
	store.Keeper
	store.Bills
}

type rig struct {
	testing.TB
	store kept
	keep  time.Duration
	used  map[string]int64 // bytes made, by pipeline
}

// keeper is a new one, as after a restart.
func (r *rig) keeper() *bills.Keeper {
	r.used = map[string]int64{}
	return bills.New(bills.Config{Journal: r.store, Bills: r.store,
		Head: func(ctx context.Context, id string) (store.Head, error) {
			h, err := r.store.Find(ctx, id)
			if err == nil && h.Run != id {
				err = store.ErrNotFound
			}
			return h, err
		},
		Pipeline: func(context.Context, run.ID) (*pipeline.Pipeline, error) { return nil, errors.New("it is gone") },
		Prices:   func() bill.Prices { return bill.Prices{Currency: "EUR", GPUHour: 3600} },
		Keep:     func() time.Duration { return r.keep },
		Used:     func(pipeline string, u *sdk.Usage) { r.used[pipeline] += u.Made },
		Now:      func() time.Time { return began.Add(1000 * 24 * time.Hour) }})
}

// append adds events to a run, which then stands so.
func (r *rig) append(id, owner string, after uint64, state run.Status, events ...run.Event) uint64 {
	r.Helper()
	a := store.Append{Run: id, After: after}
	for _, e := range events {
		after++
		e.V, e.Seq, e.Time = run.Version, after, began.Add(time.Duration(after)*time.Second)
		raw, err := e.Encode()
		if err != nil {
			r.Fatal(err)
		}
		a.Events = append(a.Events, raw)
	}
	a.Head = &store.Head{Run: id, Pipeline: "film", Owner: owner, State: string(state), Created: began, Updated: began, Seq: after}
	if err := r.store.Append(r.Context(), a); err != nil {
		r.Fatal(err)
	}
	return after
}

func made(id, owner string) run.Event {
	return run.Event{Kind: run.RunCreated, Run: run.ID(id), Pipeline: "film", Owner: owner}
}

func attempt(n int, seconds int64) []run.Event {
	u := &sdk.Usage{Made: 7, Devices: []sdk.UsedDevice{{UUID: "GPU-1", Name: "Big", Held: seconds * 1000, Share: seconds * 1000, Energy: float64(seconds) * 100}}}
	return []run.Event{{Kind: run.AttemptStarted, Node: "a", Attempt: n, Devices: []string{"GPU-1"}}, {Kind: run.AttemptEnded, Node: "a", Attempt: n, Usage: u}}
}

// seconds wants the total of a bill to be so many GPU-seconds, of so many runs.
func (r *rig) seconds(k *bills.Keeper, q client.BillQuery, want float64, runs int) {
	r.Helper()
	b, err := k.Bill(r.Context(), q)
	if err != nil {
		r.Fatal(err)
	}
	if b.Total.Used.GPUSeconds != want || b.Total.Runs != runs || b.Total.Used.Cost != want || b.Currency != "EUR" {
		r.Errorf("%+v: %+v, want %v s of %d runs", q, b.Total, want, runs)
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	r := &rig{TB: t, store: memstore.New()}
	k := r.keeper()
	r.seconds(k, client.BillQuery{}, 0, 0)
	one := r.append("run_1", "anna", 0, run.Running, append([]run.Event{made("run_1", "anna")}, attempt(1, 10)...)...)
	r.append("run_2", "bo", 0, run.Succeeded, append(append([]run.Event{made("run_2", "bo")}, attempt(1, 5)...), run.Event{Kind: run.RunEnded, Status: run.Succeeded})...)
	r.append("run_3", "bo", 0, run.Created, made("run_3", "bo")) // it waits
	r.seconds(k, client.BillQuery{}, 15, 2)                      // one goes on
	r.seconds(k, client.BillQuery{User: "anna"}, 10, 1)
	r.seconds(k, client.BillQuery{Since: "2026-02-01"}, 0, 0)
	r.seconds(k, client.BillQuery{Since: "2026-01-31", Until: "2026-02-01", By: "day"}, 15, 2)

	one = r.append("run_1", "anna", one, run.Failed, run.Event{Kind: run.RunEnded, Status: run.Failed})
	r.seconds(r.keeper(), client.BillQuery{}, 15, 2) // the host died before it made the row
	if rows, err := r.store.Bills(t.Context(), store.BillQuery{}); err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	one = r.append("run_1", "anna", one, run.Running, append([]run.Event{{Kind: run.RunResumed}}, attempt(2, 20)...)...)
	r.seconds(k, client.BillQuery{}, 35, 2) // it has a row, and goes on: counted once
	one = r.append("run_1", "anna", one, run.Succeeded, run.Event{Kind: run.RunEnded, Status: run.Succeeded})
	r.seconds(k, client.BillQuery{User: "anna", By: "pipeline"}, 30, 1)

	if err := r.store.Remove(t.Context(), "run_1", one); err != nil {
		t.Fatal(err)
	}
	r.seconds(r.keeper(), client.BillQuery{}, 35, 2)
	b, err := k.RunBill(t.Context(), "run_1")
	if err != nil || b.User != "anna" || !b.Ended || len(b.Lines) != 1 || b.Total.Used.GPUSeconds != 30 {
		t.Errorf("%+v, %v", b, err)
	}
	var p *client.Problem
	if _, err := k.RunBill(t.Context(), "run_none"); !errors.As(err, &p) || p.Code != client.CodeNotFound {
		t.Errorf("%v, want that it is not found", err)
	}
	if _, err := k.Bill(t.Context(), client.BillQuery{Since: "2026-13-01"}); !errors.As(err, &p) || p.Code != client.CodeBadRequest {
		t.Errorf("%v, want a bad request", err)
	}
	if b, err := k.Bill(t.Context(), client.BillQuery{By: "run", Limit: 1}); err != nil || len(b.Groups) != 1 || b.More != 1 || b.Groups[0].Key != "run_1" {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestSettle: retention has a bill made before it removes the run; it goes itself when it is too old.
func TestSettle(t *testing.T) {
	t.Parallel()
	r := &rig{TB: t, store: memstore.New()}
	k := r.keeper()
	last := r.append("run_1", "anna", 0, run.Succeeded, append(append([]run.Event{made("run_1", "anna")}, attempt(1, 5)...), run.Event{Kind: run.RunEnded})...)
	if err := errors.Join(k.Settle(t.Context(), "run_1"), k.Settle(t.Context(), "run_none"), r.store.Remove(t.Context(), "run_1", last)); err != nil {
		t.Fatal(err)
	}
	pass := func() { // one look, and it ends
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.keeper().Run(ctx) }()
		for deadline := time.Now().Add(60 * time.Second); r.keep > 0 && time.Now().Before(deadline); {
			if rows, _ := r.store.Bills(ctx, store.BillQuery{}); len(rows) == 0 {
				break
			}
		}
		cancel()
		<-done
	}
	pass()
	r.seconds(k, client.BillQuery{}, 5, 1)
	r.keep = 999 * 24 * time.Hour
	pass()
	r.seconds(k, client.BillQuery{}, 0, 0)
}

// TestUnreadable: what cannot be read of a run does not keep the others from being billed.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := &rig{TB: t, store: memstore.New()}
	r.append("run_1", "anna", 0, run.Succeeded, append(append([]run.Event{made("run_1", "anna")}, attempt(1, 5)...), run.Event{Kind: "of_later"})...)
	r.append("run_2", "anna", 0, run.Succeeded, append([]run.Event{made("run_2", "anna")}, attempt(1, 6)...)...)
	r.seconds(r.keeper(), client.BillQuery{}, 11, 2)
}

func TestObserve(t *testing.T) {
	t.Parallel()
	r := &rig{TB: t, store: memstore.New()}
	k := r.keeper()
	r.append("run_2", "bo", 0, run.Running, made("run_2", "bo"))
	k.Observe("run_1", run.Event{Kind: run.RunCreated, Pipeline: "song"})
	for _, id := range []run.ID{"run_1", "run_1", "run_2"} { // that one was begun by an earlier process
		k.Observe(id, attempt(1, 1)[1])
	}
	k.Observe("run_1", run.Event{Kind: run.AttemptEnded, Usage: &sdk.Usage{CPU: 3}})
	k.Observe("run_1", run.Event{Kind: run.RunEnded})
	if r.used["song"] != 14 || r.used["film"] != 7 || len(r.used) != 2 {
		t.Errorf("%v", r.used)
	}
}

// BenchmarkBill adds up 10,000 runs of 5 attempts each, whose rows are there.
func BenchmarkBill(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "spinbot.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	r := &rig{TB: b, store: st}
	k := r.keeper()
	for i := range 10_000 {
		id, owner := fmt.Sprintf("run_%06d", i), fmt.Sprintf("user_%d", i%50)
		events := []run.Event{made(id, owner)}
		for n := range 5 {
			events = append(events, attempt(n+1, 1)...)
		}
		r.append(id, owner, 0, run.Succeeded, append(events, run.Event{Kind: run.RunEnded})...)
	}
	first := time.Now()
	r.seconds(k, client.BillQuery{}, 50_000, 10_000)
	b.ReportMetric(time.Since(first).Seconds(), "s-first")
	for b.Loop() {
		r.seconds(k, client.BillQuery{By: "pipeline"}, 50_000, 10_000)
	}
}
