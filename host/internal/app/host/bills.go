package host

import (
	"context"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/bills"
	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// openBills makes what says what runs have used. Prices are those of the configuration as it was read last.
func (h *Host) openBills() {
	h.bills = bills.New(bills.Config{Journal: h.store, Bills: h.store, Head: h.headOf,
		Pipeline: func(ctx context.Context, id run.ID) (*pipeline.Pipeline, error) { return h.engine.Pipeline(ctx, id) },
		Prices:   func() bill.Prices { return h.file.Load().Bill.Prices },
		Keep:     func() time.Duration { return h.file.Load().Bill.Keep },
		Used:     h.metrics.Used, Now: time.Now, Log: h.cfg.Log})
}

// headOf gives the row of a run by its whole id.
func (h *Host) headOf(ctx context.Context, id string) (store.Head, error) {
	head, err := h.store.Find(ctx, id)
	if err == nil && head.Run != id {
		err = fmt.Errorf("run %s: %w", id, store.ErrNotFound)
	}
	return head, err
}
