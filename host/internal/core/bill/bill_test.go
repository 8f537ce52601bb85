package bill_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/bill"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

var began = time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)

// story is the events of a run, a second apart unless they say otherwise.
func story(events ...run.Event) bill.Run {
	f := bill.New(func(in run.Path, node string) string { return in.String() + "test." + node })
	events = append([]run.Event{{Kind: run.RunCreated, Run: "run_1", Pipeline: "film", Owner: "anna"}}, events...)
	for k, e := range events {
		if e.Time.IsZero() {
			e.Time = began.Add(time.Duration(k) * time.Second)
		}
		f.Add(e)
	}
	return f.Bill()
}

func start(node string, attempt int, devices ...string) run.Event {
	return run.Event{Kind: run.AttemptStarted, Node: node, Attempt: attempt, Devices: devices}
}

func end(node string, attempt int, u *sdk.Usage, cause sdk.Cause) run.Event {
	e := run.Event{Kind: run.AttemptEnded, Node: node, Attempt: attempt, Usage: u}
	if cause != "" {
		e.Error = &sdk.Error{Cause: cause}
	}
	return e
}

func onGPU(share int64, joules float64) *sdk.Usage {
	return &sdk.Usage{DeviceMemory: 5, Read: 3, Made: 4, Devices: []sdk.UsedDevice{{UUID: "GPU-1", Name: "Big", Held: 2 * share, Share: share, Energy: joules, Estimated: joules / 2}}}
}

func TestFold(t *testing.T) {
	t.Parallel()
	full := bill.Figures{Attempts: 1, Device: 1000, Energy: 90, Estimated: 45, Read: 3, Made: 4, Peak: 5}
	guess := func(ms int64) bill.Figures { return bill.Figures{Attempts: 1, Device: ms, Guessed: ms, Dark: ms} }
	wasted := func(f bill.Figures) bill.Spent { return bill.Spent{Used: f, Wasted: f} }
	elsewhere := start("a", 1, "GPU-1")
	elsewhere.Session = "s"
	lost := func(node string, lived int) run.Event { // an hour later another process tells of it
		e := end(node, 1, nil, sdk.CauseLost)
		e.Time, e.Lived = began.Add(time.Hour), began.Add(time.Duration(lived)*time.Second)
		return e
	}
	for name, c := range map[string]struct {
		events []run.Event
		want   bill.Spent
	}{
		"it succeeded":                              {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, onGPU(1000, 90), "")}, bill.Spent{Used: full}},
		"it failed":                                 {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, onGPU(1000, 90), sdk.CauseFailed)}, wasted(full)},
		"it was cancelled":                          {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, onGPU(1000, 90), sdk.CauseCancelled)}, wasted(full)},
		"a late word":                               {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, onGPU(1000, 90), ""), end("a", 1, onGPU(7, 7), "")}, bill.Spent{Used: full}},
		"nobody measured energy":                    {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, &sdk.Usage{Devices: []sdk.UsedDevice{{UUID: "GPU-1", Share: 10}}}, "")}, bill.Spent{Used: bill.Figures{Attempts: 1, Device: 10, Dark: 10}}},
		"lost with an agent":                        {[]run.Event{elsewhere, {}, end("a", 1, nil, sdk.CauseLost)}, wasted(guess(2000))},
		"lost with the host":                        {[]run.Event{start("a", 1, "GPU-1"), {}, {}, {Kind: run.AttemptEnded, Time: began.Add(time.Hour), Node: "a", Attempt: 1, Error: &sdk.Error{Cause: sdk.CauseLost}}}, wasted(guess(2000))},
		"lost with the host that lived on":          {[]run.Event{start("a", 1, "GPU-1"), {}, lost("a", 41)}, wasted(guess(40_000))},
		"lost with the host, and nobody knows when": {[]run.Event{start("a", 1, "GPU-1"), {}, lost("a", 0)}, wasted(guess(1000))},
		"two lost with the host":                    {[]run.Event{start("a", 1, "GPU-1"), start("b", 1, "GPU-1"), lost("a", 1), lost("b", 1)}, wasted(bill.Figures{Attempts: 2, Device: 1000, Guessed: 1000, Dark: 1000})},
		"lost with the host at once":                {[]run.Event{start("a", 1, "GPU-1"), end("a", 1, nil, sdk.CauseLost)}, wasted(guess(0))},
		"the run ended above it":                    {[]run.Event{start("a", 1, "GPU-1"), {Kind: run.RunEnded}}, wasted(guess(1000))},
		"its result was known":                      {[]run.Event{{Kind: run.NodeCachedEvent, Node: "a", Usage: onGPU(1000, 90)}}, bill.Spent{Saved: full}},
		"nobody knows what is saved":                {[]run.Event{{Kind: run.NodeCachedEvent, Node: "a"}}, bill.Spent{Saved: bill.Figures{Attempts: 1}}},
		"a control node":                            {[]run.Event{start("a", 1), end("a", 1, &sdk.Usage{CPU: 77, Made: 9}, "")}, bill.Spent{Used: bill.Figures{Attempts: 1, CPU: 77, Made: 9}}},
		"it has begun and is not ended":             {[]run.Event{start("a", 1, "GPU-1")}, bill.Spent{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bill.Spent
			for _, l := range story(c.events...).Lines {
				got.Add(l.Spent)
			}
			if got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestLines: an attempt is counted once though it had two devices, on the day on which it ended, under its node's type.
func TestLines(t *testing.T) {
	t.Parallel()
	two := &sdk.Usage{CPU: 1, Devices: []sdk.UsedDevice{{UUID: "GPU-1", Name: "Big", Share: 10, Energy: 1}, {UUID: "GPU-2", Name: "Big", Share: 20, Energy: 2}}}
	late := end("a", 2, two, "")
	late.Time = began.Add(2 * time.Minute)
	r := story(start("a", 1, "GPU-1"), end("a", 1, nil, sdk.CauseHung), start("a", 2, "GPU-1", "GPU-2"), late, run.Event{Kind: run.RunEnded, Time: began.Add(3 * time.Minute)})
	if r.ID != "run_1" || r.Pipeline != "film" || r.Owner != "anna" || !r.Ended || !r.Created.Equal(began) || !r.Last.Equal(began.Add(3*time.Minute)) {
		t.Errorf("%+v", r)
	}
	guess := bill.Figures{Attempts: 1, Device: 1000, Guessed: 1000, Dark: 1000}
	want := []bill.Line{
		{Day: "2026-01-31", Type: "test.a", Device: "GPU-1", Name: "Big", Spent: bill.Spent{Used: guess, Wasted: guess}},
		{Day: "2026-02-01", Type: "test.a", Device: "GPU-1", Name: "Big", Spent: bill.Spent{Used: bill.Figures{Attempts: 1, CPU: 1, Device: 10, Energy: 1}}},
		{Day: "2026-02-01", Type: "test.a", Device: "GPU-2", Name: "Big", Spent: bill.Spent{Used: bill.Figures{Device: 20, Energy: 2}}},
	}
	if !reflect.DeepEqual(r.Lines, want) {
		t.Errorf("%+v\nwant %+v", r.Lines, want)
	}
}

func line(day, nodeType, device string, ms int64, joules float64) bill.Line {
	f := bill.Figures{Attempts: 1, Device: ms, Energy: joules}
	return bill.Line{Day: day, Type: nodeType, Device: device, Name: "NVIDIA " + device, Spent: bill.Spent{Used: f, Wasted: f, Saved: f}}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000
	runs := []bill.Run{
		{ID: "run_1", Pipeline: "film", Owner: "anna", Lines: []bill.Line{line("2026-01-01", "x", "H100", hour, 3.6e6), line("2026-01-02", "y", "A10", hour/2, 0)}},
		{ID: "run_2", Pipeline: "song", Owner: "anna", Lines: []bill.Line{line("2026-01-02", "x", "A10", hour, 0)}},
		{ID: "run_3", Pipeline: "song", Owner: "bo", Lines: []bill.Line{{Day: "2026-01-03", Type: "z", Spent: bill.Spent{Used: bill.Figures{Attempts: 4, CPU: 5}}}}},
		{ID: "run_4", Pipeline: "song", Owner: "bo", Imported: true, Lines: []bill.Line{line("2026-01-02", "x", "A10", hour, 0)}},
	}
	p := bill.Prices{Currency: "EUR", KWh: .5, GPUHour: 1, Devices: []bill.DevicePrice{{Match: "NVIDIA H*", GPUHour: 4}}}
	for _, c := range []struct {
		by       bill.By
		from, to string
		want     []string
		costs    []float64
	}{
		{bill.ByUser, "", "", []string{"anna", "bo"}, []float64{6, 0}},
		{bill.ByPipeline, "", "", []string{"film", "song"}, []float64{5, 1}},
		{bill.ByNode, "", "", []string{"x", "y", "z"}, []float64{5.5, .5, 0}},
		{bill.ByDevice, "", "", []string{"A10", "H100", ""}, []float64{1.5, 4.5, 0}},
		{bill.ByDay, "", "", []string{"2026-01-01", "2026-01-02", "2026-01-03"}, []float64{4.5, 1.5, 0}},
		{bill.ByDay, "2026-01-02", "2026-01-03", []string{"2026-01-02"}, []float64{1.5}},
		{bill.ByRun, "2026-01-02", "", []string{"run_2", "run_1", "run_3"}, []float64{1, .5, 0}},
	} {
		totals := bill.NewTotals(c.by, c.from, c.to, p)
		for _, r := range runs {
			totals.Add(r)
		}
		var keys []string
		var costs []float64
		var sum bill.Total
		for _, g := range totals.Groups() {
			keys, costs = append(keys, g.Key), append(costs, math.Round(g.Cost*1000)/1000)
			sum.Add(g.Spent)
			if g.CostWasted != g.Cost || g.CostSaved != g.Cost {
				t.Errorf("%s: %+v", c.by, g)
			}
		}
		if !reflect.DeepEqual(keys, c.want) || !reflect.DeepEqual(costs, c.costs) {
			t.Errorf("%s: %v %v, want %v %v", c.by, keys, costs, c.want, c.costs)
		}
		if all := totals.All(); all.Spent != sum.Spent {
			t.Errorf("%s: all is %+v, want %+v", c.by, all.Spent, sum.Spent)
		}
	}
}
