package bills

import (
	"context"
	"errors"
	"math"

	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// RunBill gives the bill of a run, by its whole id, as the API shows it.
func (k *Keeper) RunBill(ctx context.Context, id string) (client.RunBill, error) {
	r, err := k.Of(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = &client.Problem{Code: client.CodeNotFound, Detail: "there is no run " + id + ", and no bill of one", Fix: "spinbot runs lists runs"}
	}
	if err != nil {
		return client.RunBill{}, err
	}
	p := k.cfg.Prices()
	out := client.RunBill{Version: client.ShapeVersion, Run: r.ID, Pipeline: r.Pipeline, User: r.Owner, Ended: r.Ended, Imported: r.Imported, Currency: p.Currency, Lines: []client.BillLine{}}
	var all bill.Total
	for i := range r.Lines {
		l := &r.Lines[i]
		var one bill.Total
		one.Count(l, &p)
		all.Count(l, &p)
		out.Lines = append(out.Lines, client.BillLine{Day: l.Day, Type: l.Type, Device: l.Device, Name: l.Name, Spent: spent(&one)})
	}
	out.Total = spent(&all)
	return out, nil
}

// most is how many groups a bill lists when nobody says.
const most = 1000

// Bill adds up what runs have used, as the API shows it.
func (k *Keeper) Bill(ctx context.Context, q client.BillQuery) (client.Bill, error) {
	by := bill.By(q.By)
	if by == "" {
		by = bill.ByUser
	}
	p := k.cfg.Prices()
	totals, err := k.Totals(ctx, Query{By: by, Pipeline: q.Pipeline, Owner: q.User, From: q.Since, To: q.Until, Prices: p})
	if err != nil {
		return client.Bill{}, err
	}
	out := client.Bill{Version: client.ShapeVersion, By: string(by), Since: q.Since, Until: q.Until, User: q.User, Pipeline: q.Pipeline, Currency: p.Currency, Groups: []client.BillGroup{}}
	limit := q.Limit
	if limit == 0 {
		limit = most
	}
	for i, g := range totals.Groups() {
		if i < limit {
			out.Groups = append(out.Groups, group(&g))
		} else {
			out.More++
		}
	}
	all := totals.All()
	out.Total = group(&all)
	return out, nil
}

func group(t *bill.Total) client.BillGroup {
	return client.BillGroup{Key: t.Key, Name: t.Name, Runs: t.Runs, Spent: spent(t)}
}

func spent(t *bill.Total) client.Spent {
	return client.Spent{Used: figures(t.Used, t.Cost), Wasted: figures(t.Wasted, t.CostWasted), Saved: figures(t.Saved, t.CostSaved)}
}

func figures(f bill.Figures, cost float64) client.Figures {
	wattHours := func(joules float64) float64 { return math.Round(joules/3600*1e6) / 1e6 }
	return client.Figures{Attempts: f.Attempts, GPUSeconds: float64(f.Device) / 1000, GuessedSeconds: float64(f.Guessed) / 1000,
		EnergyWh: wattHours(f.Energy), EstimatedWh: wattHours(f.Estimated), UnknownSeconds: float64(f.Dark) / 1000,
		CPUSeconds: float64(f.CPU) / 1e6, ReadBytes: f.Read, MadeBytes: f.Made, PeakMemory: f.Peak, Cost: math.Round(cost*1e6) / 1e6}
}
