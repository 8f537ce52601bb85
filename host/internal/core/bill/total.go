package bill

import (
	"cmp"
	"path"
	"slices"
)

// By is what totals are grouped by.
type By string

// The ways to group.
const (
	ByRun      By = "run"
	ByUser     By = "user"
	ByPipeline By = "pipeline"
	ByNode     By = "node" // node type
	ByDevice   By = "device"
	ByDay      By = "day"
)

// Groupings are all ways to group.
func Groupings() []By { return []By{ByUser, ByPipeline, ByNode, ByDevice, ByDay, ByRun} }

// Prices say what things cost. Those that are zero cost nothing.
type Prices struct {
	Currency string  // empty: nothing is said of money
	KWh      float64 // of a kilowatt-hour
	GPUHour  float64 // of an hour of a device that none of Devices is about
	Devices  []DevicePrice
}

// DevicePrice is the price of an hour of devices whose name or UUID matches, as in a shell: "NVIDIA H100*".
type DevicePrice struct {
	Match   string
	GPUHour float64
}

// hour is the price of an hour of a device. The first match counts.
func (p *Prices) hour(uuid, name string) float64 {
	for _, d := range p.Devices {
		byName, _ := path.Match(d.Match, name) // what is no pattern was refused where it was written
		byUUID, _ := path.Match(d.Match, uuid)
		if byName || byUUID {
			return d.GPUHour
		}
	}
	return p.GPUHour
}

// Money is what figures of a device cost.
func (p *Prices) Money(uuid, name string, f Figures) float64 {
	if uuid == "" {
		return 0
	}
	return float64(f.Device)/3_600_000*p.hour(uuid, name) + f.Energy/3_600_000*p.KWh
}

// Total is what a group has spent.
type Total struct {
	Key  string
	Name string // of the device, when it is grouped by that
	Runs int
	Spent
	Cost, CostWasted, CostSaved float64
}

// Totals adds up.
type Totals struct {
	by       By
	from, to string // days; empty: without an end
	prices   Prices
	groups   map[string]*Total
	all      Total
}

// NewTotals begins to add up lines of days from one until before another; empty: without an end.
func NewTotals(by By, from, to string, p Prices) *Totals {
	return &Totals{by: by, from: from, to: to, prices: p, groups: map[string]*Total{}}
}

// Add takes in a run. One that another host has carried out does not count.
func (t *Totals) Add(r Run) {
	if r.Imported {
		return
	}
	counted, some := map[string]bool{}, false
	for k := range r.Lines {
		l := &r.Lines[k]
		if l.Day < t.from || t.to != "" && l.Day >= t.to {
			continue
		}
		some = true
		key := t.key(&r, l)
		g := t.groups[key]
		if g == nil {
			g = &Total{Key: key}
			t.groups[key] = g
		}
		if !counted[key] {
			counted[key] = true
			g.Runs++
		}
		if t.by == ByDevice {
			g.Name = cmp.Or(g.Name, l.Name)
		}
		g.Count(l, &t.prices)
		t.all.Count(l, &t.prices)
	}
	if some {
		t.all.Runs++
	}
}

// Count takes in a line.
func (g *Total) Count(l *Line, p *Prices) {
	g.Add(l.Spent)
	g.Cost += p.Money(l.Device, l.Name, l.Used)
	g.CostWasted += p.Money(l.Device, l.Name, l.Wasted)
	g.CostSaved += p.Money(l.Device, l.Name, l.Saved)
}

func (t *Totals) key(r *Run, l *Line) string {
	switch t.by {
	case ByUser:
		return r.Owner
	case ByPipeline:
		return r.Pipeline
	case ByNode:
		return l.Type
	case ByDevice:
		return l.Device
	case ByDay:
		return l.Day
	default:
		return r.ID
	}
}

// Groups gives the groups: days in their order, all else with what has used most of devices first.
func (t *Totals) Groups() []Total {
	out := make([]Total, 0, len(t.groups))
	for _, g := range t.groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Total) int {
		if t.by == ByDay {
			return cmp.Compare(a.Key, b.Key)
		}
		return cmp.Or(cmp.Compare(b.Used.Device, a.Used.Device), cmp.Compare(b.Used.CPU, a.Used.CPU), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// All gives everything together.
func (t *Totals) All() Total { return t.all }
