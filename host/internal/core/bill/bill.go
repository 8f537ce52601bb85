// Package bill owns what runs have used: from the events of a run to lines, one for each node type, device and day, and from lines to
// totals and to money. It is pure. What an attempt has used it says itself, in its event; here nothing is measured.
//
// Each attempt that has begun counts, however it ended. Of one that did not end well all is Wasted too. What a result that was used
// again had cost once is Saved, and not used.
package bill

import (
	"cmp"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// Figures are what attempts have used together.
type Figures struct {
	Attempts int `json:"attempts,omitempty"`
	// Device is their share of devices, in milliseconds; Guessed the part of it that nobody has measured, since whoever carried it out is lost.
	Device  int64 `json:"device,omitempty"`
	Guessed int64 `json:"guessed,omitempty"`
	// Energy is what they drew, in joules; Estimated the part of it that no counter has measured. Dark is the part of Device of which
	// nobody knows the energy.
	Energy    float64 `json:"energy,omitempty"`
	Estimated float64 `json:"estimated,omitempty"`
	Dark      int64   `json:"dark,omitempty"`
	CPU       int64   `json:"cpu,omitempty"`  // microseconds that control nodes computed
	Read      int64   `json:"read,omitempty"` // bytes of artifacts, as Made
	Made      int64   `json:"made,omitempty"`
	Peak      int64   `json:"peak,omitempty"` // the most memory of one device that one of them used, in bytes
}

// Add takes in what others have used.
func (f *Figures) Add(g Figures) {
	f.Attempts += g.Attempts
	f.Device += g.Device
	f.Guessed += g.Guessed
	f.Energy += g.Energy
	f.Estimated += g.Estimated
	f.Dark += g.Dark
	f.CPU += g.CPU
	f.Read += g.Read
	f.Made += g.Made
	f.Peak = max(f.Peak, g.Peak)
}

// Spent is what was used, what of it was for nothing, and what was not used since a result was known.
type Spent struct {
	Used   Figures `json:"used,omitzero"`
	Wasted Figures `json:"wasted,omitzero"`
	Saved  Figures `json:"saved,omitzero"`
}

// Add takes in what others have spent.
func (s *Spent) Add(o Spent) {
	s.Used.Add(o.Used)
	s.Wasted.Add(o.Wasted)
	s.Saved.Add(o.Saved)
}

// Line is what attempts of one node type had of one device on one day.
type Line struct {
	Day    string `json:"day"` // on which they ended, in UTC: 2026-01-31
	Type   string `json:"type,omitempty"`
	Device string `json:"device,omitempty"` // UUID; empty: they had none
	Name   string `json:"name,omitempty"`   // of the device
	Spent
}

// Run is the bill of a run.
type Run struct {
	ID       string    `json:"id"`
	Pipeline string    `json:"pipeline"`
	Owner    string    `json:"owner,omitempty"`
	Created  time.Time `json:"created"`
	Last     time.Time `json:"last"`               // its last event
	Ended    bool      `json:"ended,omitempty"`    // nothing more comes, unless it is resumed
	Imported bool      `json:"imported,omitempty"` // another host carried it out, and bills it
	Lines    []Line    `json:"lines,omitempty"`    // by day, node type and device
}

// Types says of which type a node is; empty: nobody knows.
type Types func(in run.Path, node string) string

// Fold adds up the events of one run, one after another.
type Fold struct {
	types Types
	run   Run
	lines map[[3]string]*Line
	names map[string]string // of devices
	open  map[place]run.Event
	told  time.Time // of the last event that tells of nothing lost
}

// place is an attempt within its run.
type place struct {
	in, node, key string
	iter, attempt int
}

func placeOf(e *run.Event) place {
	return place{e.In.String(), e.Node, e.Key.String(), e.Iter, e.Attempt}
}

// New begins a fold; types may be nil.
func New(types Types) *Fold {
	if types == nil {
		types = func(run.Path, string) string { return "" }
	}
	return &Fold{types: types, lines: map[[3]string]*Line{}, names: map[string]string{}, open: map[place]run.Event{}}
}

// Add takes in the next event.
func (f *Fold) Add(e run.Event) {
	was := f.told
	if f.run.Last = e.Time; e.Error == nil || e.Error.Cause != sdk.CauseLost { // else it may be another process that tells of it, later
		f.told = e.Time
	}
	switch e.Kind {
	case run.RunCreated:
		f.run.ID, f.run.Pipeline, f.run.Owner, f.run.Created, f.run.Imported = string(e.Run), e.Pipeline, e.Owner, e.Time, e.Imported != nil
	case run.AttemptStarted:
		f.open[placeOf(&e)] = e
	case run.AttemptEnded:
		began, ok := f.open[placeOf(&e)]
		if !ok { // late: another word on it came first
			return
		}
		delete(f.open, placeOf(&e))
		f.ended(&began, &e, was)
	case run.NodeCachedEvent:
		f.saved(&e)
	case run.RunResumed:
		f.run.Ended = false
	case run.RunEnded:
		f.run.Ended = true
		for at, began := range f.open { // whatever was still going on is over
			delete(f.open, at)
			f.ended(&began, &run.Event{Time: e.Time, Error: &sdk.Error{Cause: sdk.CauseCancelled}}, was)
		}
	default: // nothing is used
	}
}

// ended takes in how an attempt ended. Of one that does not say what it had, what is known is for how long its devices were given to
// it: of one that was lost with its host, until the host last said that it lives, or wrote something down about the run.
func (f *Fold) ended(began, e *run.Event, before time.Time) {
	u := e.Usage
	if u == nil {
		u = &sdk.Usage{}
	}
	until := e.Time
	if e.Error != nil && e.Error.Cause == sdk.CauseLost && began.Session == "" {
		until = slices.MaxFunc([]time.Time{began.Time, before, e.Lived}, time.Time.Compare)
	}
	for k, uuid := range deviceList(u, began) {
		part := Figures{Peak: u.DeviceMemory}
		if k == 0 {
			part.Attempts, part.CPU, part.Read, part.Made = 1, u.CPU, u.Read, u.Made
		}
		name := f.names[uuid]
		switch {
		case len(u.Devices) > 0:
			part.take(u.Devices[k])
			name = u.Devices[k].Name
			f.names[uuid] = name
		case uuid != "":
			held := max(until.Sub(began.Time), 0).Milliseconds()
			part.Device, part.Guessed, part.Dark = held, held, held
		}
		l := f.line(e, uuid, name)
		l.Used.Add(part)
		if e.Error != nil {
			l.Wasted.Add(part)
		}
	}
}

// saved takes in what a result that was known had cost.
func (f *Fold) saved(e *run.Event) {
	u := e.Usage
	if u == nil {
		u = &sdk.Usage{}
	}
	for k, uuid := range deviceList(u, &run.Event{}) {
		part := Figures{Peak: u.DeviceMemory}
		if k == 0 {
			part.Attempts, part.CPU, part.Read, part.Made = 1, u.CPU, u.Read, u.Made
		}
		name := ""
		if len(u.Devices) > 0 {
			part.take(u.Devices[k])
			name = u.Devices[k].Name
		}
		f.line(e, uuid, name).Saved.Add(part)
	}
}

// deviceList gives the devices of an attempt; one that is empty, when it had none.
func deviceList(u *sdk.Usage, began *run.Event) (out []string) {
	for _, d := range u.Devices {
		out = append(out, d.UUID)
	}
	if out == nil {
		out = slices.Clone(began.Devices)
	}
	if out == nil {
		out = []string{""}
	}
	return out
}

func (f *Figures) take(d sdk.UsedDevice) {
	f.Device, f.Energy, f.Estimated = d.Share, d.Energy, d.Estimated
	if d.Energy == 0 {
		f.Dark = d.Share
	}
}

func (f *Fold) line(e *run.Event, uuid, name string) *Line {
	day, nodeType := e.Time.UTC().Format(time.DateOnly), f.types(e.In, e.Node)
	l := f.lines[[3]string{day, nodeType, uuid}]
	if l == nil {
		l = &Line{Day: day, Type: nodeType, Device: uuid}
		f.lines[[3]string{day, nodeType, uuid}] = l
	}
	l.Name = cmp.Or(name, l.Name)
	return l
}

// Bill gives the run as far as it has been added up.
func (f *Fold) Bill() Run {
	r := f.run
	for _, l := range f.lines {
		line := *l
		line.Name = cmp.Or(line.Name, f.names[line.Device])
		r.Lines = append(r.Lines, line)
	}
	slices.SortFunc(r.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Device, b.Device))
	})
	return r
}
