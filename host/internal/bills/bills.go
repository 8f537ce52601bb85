// Package bills keeps the bills of all runs: what their journals say that they have used, as a row for each. A row is made after its
// run has ended, by whoever asks or a little later by itself, and anew when the run has gone on: nothing is lost when a host dies in
// between, since the journal has it all. It stays when retention removes the run. Runs that still go on are added up when somebody asks.
package bills

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what a Keeper works with. Every part but Log and Used has to be there.
type Config struct {
	Journal store.Journal
	Bills   store.Bills
	// Head gives the row of the index for a run, by its whole id.
	Head func(ctx context.Context, id string) (store.Head, error)
	// Pipeline gives the pipeline that a run was made of.
	Pipeline func(ctx context.Context, id run.ID) (*pipeline.Pipeline, error)
	// Keep is how long the bills of runs that were removed stay; 0: for ever.
	Keep func() time.Duration
	// Prices say what things cost now.
	Prices func() bill.Prices
	// Used is told what an attempt has used once that is durable.
	Used func(pipeline string, u *sdk.Usage)
	Now  func() time.Time
	Log  *slog.Logger
}

// Keeper keeps the bills. It is safe for concurrent use.
type Keeper struct {
	cfg      Config
	settling sync.Mutex // held by whoever makes rows: what one makes the others need not

	mu    sync.Mutex
	names map[string]string // pipelines of runs under way
}

// New makes a keeper.
func New(c Config) *Keeper {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Used == nil {
		c.Used = func(string, *sdk.Usage) {}
	}
	return &Keeper{cfg: c, names: map[string]string{}}
}

const (
	every = 30 * time.Second // between two looks for runs that have ended
	batch = 256              // rows that are kept at once
)

// Run makes the rows of runs that have ended, and has those go that are too old, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := k.settle(ctx)
		if keep := k.cfg.Keep(); err == nil && keep > 0 {
			_, err = k.cfg.Bills.Unbill(ctx, k.cfg.Now().Add(-keep))
		}
		if err != nil && ctx.Err() == nil {
			k.cfg.Log.Warn("bills are not brought up to date; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// settle makes the rows that are missing of runs that have ended.
func (k *Keeper) settle(ctx context.Context) error {
	k.settling.Lock()
	defer k.settling.Unlock()
	for {
		heads, err := k.cfg.Bills.Unbilled(ctx, true, batch)
		if err != nil || len(heads) == 0 {
			return err
		}
		if err := k.keep(ctx, heads); err != nil {
			return err
		}
	}
}

func (k *Keeper) keep(ctx context.Context, heads []store.Head) error {
	rows := make([]store.Bill, 0, len(heads))
	for _, h := range heads {
		r, err := k.fold(ctx, h.Run)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("%s: its bill: %w", h.Run, err)
		}
		rows = append(rows, store.Bill{Run: h.Run, Seq: h.Seq, Pipeline: h.Pipeline, Owner: h.Owner, First: h.Created, Last: r.Last, Data: raw})
	}
	return k.cfg.Bills.Bill(ctx, rows)
}

// Settle makes the row of a run that is about to be removed.
func (k *Keeper) Settle(ctx context.Context, id string) error {
	h, err := k.cfg.Head(ctx, id)
	if errors.Is(err, store.ErrNotFound) { // nobody lists it, and nobody bills it
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := k.cfg.Bills.Bills(ctx, store.BillQuery{Run: id})
	if err == nil && len(rows) == 1 && rows[0].Seq == h.Seq {
		return nil
	}
	return k.keep(ctx, []store.Head{h})
}

// fold adds up a run's journal. What was written by a later version, or is damaged, is left out, and said.
func (k *Keeper) fold(ctx context.Context, id string) (bill.Run, error) {
	events, err := k.cfg.Journal.Read(ctx, id, 0, 0)
	if err != nil {
		return bill.Run{}, err
	}
	f := bill.New(k.types(ctx, id))
	for _, e := range events {
		ev, err := run.Decode(e.Data)
		if err != nil {
			k.cfg.Log.Warn("not all that a run has used can be read", "run", id, "event", e.Seq, "error", err)
			break
		}
		f.Add(ev)
	}
	r := f.Bill()
	r.ID = id
	return r, nil
}

// types says of which type a run's nodes are, as long as its pipeline can be read. It is read, and so in use, only where it is
// asked for.
func (k *Keeper) types(ctx context.Context, id string) bill.Types {
	whole := sync.OnceValue(func() *pipeline.Pipeline {
		p, err := k.cfg.Pipeline(ctx, run.ID(id))
		if err != nil {
			return nil
		}
		return p
	})
	return func(in run.Path, name string) string {
		p := whole()
		if p == nil {
			return ""
		}
		for _, step := range in {
			module, _ := p.Node(run.IDOf(step))
			if module == nil || module.Module == nil {
				return ""
			}
			p = module.Module
		}
		if n, _ := p.Node(name); n != nil {
			return n.Type.Name
		}
		return ""
	}
}

// Of gives the bill of one run, by its whole id; also of one that was removed. ErrNotFound.
func (k *Keeper) Of(ctx context.Context, id string) (bill.Run, error) {
	_, err := k.cfg.Head(ctx, id)
	if err == nil {
		return k.fold(ctx, id)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return bill.Run{}, err
	}
	rows, failed := k.cfg.Bills.Bills(ctx, store.BillQuery{Run: id})
	if failed != nil || len(rows) == 0 {
		return bill.Run{}, errors.Join(failed, err)
	}
	return read(rows[0])
}

func read(b store.Bill) (r bill.Run, err error) {
	if err = json.Unmarshal(b.Data, &r); err != nil {
		err = fmt.Errorf("%s: its bill cannot be read: %w", b.Run, err)
	}
	return r, err
}

// Query selects what is added up.
type Query struct {
	By              bill.By
	Pipeline, Owner string // empty: all
	// From and To are days, in UTC: from the first one until before the other; empty: without an end.
	From, To string
	Prices   bill.Prices
}

// Totals adds up what runs have used.
func (k *Keeper) Totals(ctx context.Context, q Query) (*bill.Totals, error) {
	if err := k.settle(ctx); err != nil {
		return nil, err
	}
	sel := store.BillQuery{Pipeline: q.Pipeline, Owner: q.Owner}
	var err error
	for _, end := range []struct {
		day string
		to  *time.Time
	}{{q.From, &sel.Since}, {q.To, &sel.Until}} {
		if end.day != "" {
			if *end.to, err = time.Parse(time.DateOnly, end.day); err != nil {
				return nil, &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("%q is no day", end.day), Fix: "write it like 2026-01-31"}
			}
		}
	}
	live, err := k.cfg.Bills.Unbilled(ctx, false, 0)
	if err != nil {
		return nil, err
	}
	rows, err := k.cfg.Bills.Bills(ctx, sel)
	if err != nil {
		return nil, err
	}
	totals := bill.NewTotals(q.By, q.From, q.To, q.Prices)
	goesOn := map[string]bool{}
	for _, h := range live {
		if h.State == string(run.Created) || q.Pipeline != "" && h.Pipeline != q.Pipeline || q.Owner != "" && h.Owner != q.Owner {
			continue // one that waits has used nothing
		}
		r, err := k.fold(ctx, h.Run)
		if err != nil {
			return nil, err
		}
		goesOn[h.Run] = true
		totals.Add(r)
	}
	for _, b := range rows {
		if goesOn[b.Run] { // it is resumed
			continue
		}
		r, err := read(b)
		if err != nil {
			return nil, err
		}
		totals.Add(r)
	}
	return totals, nil
}

// Observe takes what has become durable.
func (k *Keeper) Observe(id run.ID, e run.Event) {
	switch e.Kind {
	case run.RunCreated:
		k.mu.Lock()
		k.names[string(id)] = e.Pipeline
		k.mu.Unlock()
	case run.RunEnded:
		k.mu.Lock()
		delete(k.names, string(id))
		k.mu.Unlock()
	case run.AttemptEnded:
		if u := e.Usage; u != nil && (len(u.Devices) > 0 || u.Read > 0 || u.Made > 0) {
			k.cfg.Used(k.pipeline(string(id)), u)
		}
	default: // nothing is used
	}
}

// pipeline is the name of a run's, which may be one that an earlier process has begun.
func (k *Keeper) pipeline(id string) string {
	k.mu.Lock()
	name, ok := k.names[id]
	k.mu.Unlock()
	if ok {
		return name
	}
	if h, err := k.cfg.Head(context.Background(), id); err == nil {
		name = h.Pipeline
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names[id] = name
	return name
}
