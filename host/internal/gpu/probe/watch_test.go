package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/fake"
)

const gib = 1 << 30

// asked is a prober that counts.
type asked struct {
	probe func(ctx context.Context) ([]device.Device, string, error)
	times int
}

func (a *asked) Probe(ctx context.Context) ([]device.Device, string, error) {
	a.times++
	return a.probe(ctx)
}

// pass lets virtual time pass, and waits for what happens then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// within runs a test in virtual time, with a watch of one prober that is asked once a second.
func within(t *testing.T, p func() gpu.Prober, test func(t *testing.T, w *Watch, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		w := New(Config{Sources: []Source{Local(p(), time.Second)}, Log: slog.New(slog.NewTextHandler(log, nil)),
			Empty: func(note string) { fmt.Fprintln(log, "EMPTY", note) }})
		if err := w.First(t.Context()); err != nil {
			t.Error(err)
		}
		test(t, w, log)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestUnwell: what happens to a device is known within ten seconds, and that it is over too.
func TestUnwell(t *testing.T) {
	t.Parallel()
	script := []gpu.Event{
		{At: 10 * time.Second, Do: fake.Use, Used: 3 * gib}, {At: 60 * time.Second, Do: fake.Sicken}, {At: 120 * time.Second, Do: fake.Heal},
		{At: 180 * time.Second, Do: fake.Hang}, {At: 240 * time.Second, Do: fake.Answer}, {At: 300 * time.Second, Do: fake.Lose},
	}
	written := []gpu.Written{{Device: device.Device{UUID: "FAKE-1", Memory: 8 * gib}, Used: gib, Script: script}}
	within(t, func() gpu.Prober { return fake.New(written, time.Now) }, func(t *testing.T, w *Watch, log *bytes.Buffer) {
		for at := range 320 {
			inventory := w.Inventory()
			if len(inventory.Devices) != 1 {
				t.Fatalf("at %d s: %+v", at, inventory)
			}
			d := inventory.Devices[0]
			ill, stale := "", false
			switch {
			case at > 61 && at < 120:
				ill = "Xid 95"
			case at >= 190 && at < 240:
				ill, stale = "stopped answering", true
			case at > 186 && at < 190, at >= 180 && at <= 186, at >= 240 && at < 270: // between
				ill, stale = d.Ill, d.Reading.Stale
			case at > 301:
				ill = "lost"
			case at == 60, at == 61, at == 120, at == 121, at == 300, at == 301:
				ill = d.Ill
			}
			if (ill == "") != (d.Ill == "") || !strings.Contains(d.Ill, ill) || d.Reading.Stale != stale {
				t.Errorf("at %d s: ill %q, stale %v", at, d.Ill, d.Reading.Stale)
			}
			if used := d.Reading.Used; at > 11 && at < 300 && *used != 3*gib {
				t.Errorf("at %d s: %d used", at, *used)
			}
			pass(time.Second)
		}
		for said, times := range map[string]int{"takes no task": 2, "well again": 1, "stopped answering": 1, "answers again": 1} {
			if n := strings.Count(log.String(), said); n != times {
				t.Errorf("%q is said %d times:\n%s", said, n, log)
			}
		}
	})
}

// TestStale: a reading is out of date five seconds after the last answer.
func TestStale(t *testing.T) {
	t.Parallel()
	written := []gpu.Written{{Device: device.Device{UUID: "FAKE-1", Memory: gib}, Script: []gpu.Event{{At: 500 * time.Millisecond, Do: fake.Hang}}}}
	within(t, func() gpu.Prober { return fake.New(written, time.Now) }, func(t *testing.T, w *Watch, _ *bytes.Buffer) {
		for at := range 20 {
			d := w.Inventory().Devices[0]
			if d.Reading.Stale != (at >= 5) && at != 5 || (d.Ill != "") != (at > 8) {
				t.Errorf("%d s after the last answer: stale %v, ill %q", at, d.Reading.Stale, d.Ill)
			}
			pass(time.Second)
		}
	})
}

// TestEmpty: that there is nothing is said once, and asked again once a minute.
func TestEmpty(t *testing.T) {
	t.Parallel()
	a := &asked{probe: func(context.Context) ([]device.Device, string, error) { return nil, "no driver", nil }}
	within(t, func() gpu.Prober { return a }, func(t *testing.T, w *Watch, log *bytes.Buffer) {
		pass(10*time.Minute + time.Second)
		if log.String() != "EMPTY no driver\n" || a.times != 11 {
			t.Errorf("asked %d times:\n%s", a.times, log)
		}
		if i := w.Inventory(); len(i.Devices) != 0 || len(i.Notes) != 1 || i.Notes[0] != "no driver" {
			t.Errorf("%+v", i)
		}
	})
}

// TestTrouble: errors and panics of a prober are told, and hide what was known only when it is old.
func TestTrouble(t *testing.T) {
	t.Parallel()
	begun := time.Time{}
	probe := func(context.Context) ([]device.Device, string, error) {
		switch at := time.Since(begun); {
		case begun.IsZero():
			begun = time.Now()
			return []device.Device{{UUID: "a"}}, "", nil
		case at < 4*time.Second:
			return nil, "", errors.New("the driver is busy")
		case at < 6*time.Second:
			return []device.Device{{UUID: "a"}, {UUID: "a"}, {UUID: ""}}, "", nil
		}
		panic("oh no")
	}
	within(t, func() gpu.Prober { return &asked{probe: probe} }, func(t *testing.T, w *Watch, log *bytes.Buffer) {
		pass(2500 * time.Millisecond)
		if i := w.Inventory(); !i.Devices[0].Reading.Stale || i.Devices[0].Ill != "" || !strings.Contains(i.Notes[0], "busy") {
			t.Errorf("%+v", i)
		}
		pass(3 * time.Second)
		if i := w.Inventory(); len(i.Devices) != 1 || i.Devices[0].Reading.Stale || i.Notes != nil {
			t.Errorf("%+v", i)
		}
		pass(10 * time.Second)
		if i := w.Inventory(); !strings.Contains(i.Devices[0].Ill, "stopped answering: the probe made a mistake: oh no") {
			t.Errorf("%+v", i)
		}
	})
}

// TestGone: a device that is not listed any more is ill, and forgotten later; one that was divided is not lost.
func TestGone(t *testing.T) {
	t.Parallel()
	begun := time.Time{}
	probe := func(context.Context) ([]device.Device, string, error) {
		if begun.IsZero() {
			begun = time.Now()
		}
		list := [][]device.Device{{{UUID: "a"}, {UUID: "b"}, {UUID: "c"}}, {{UUID: "MIG-1", Parent: "a"}, {UUID: "c"}}, {{UUID: "a"}, {UUID: "c"}}, nil}
		at := time.Since(begun)
		for i, until := range []time.Duration{time.Second, 2 * time.Second, 11 * time.Minute, 24 * time.Hour} {
			if at < until {
				for n := range list[i] {
					list[i][n].Reading.At = time.Now()
				}
				return list[i], "", nil
			}
		}
		return nil, "", nil
	}
	within(t, func() gpu.Prober { return &asked{probe: probe} }, func(t *testing.T, w *Watch, _ *bytes.Buffer) {
		pass(1500 * time.Millisecond)
		i := w.Inventory()
		if len(i.Devices) != 3 || i.Devices[2].UUID != "b" || !strings.Contains(i.Devices[2].Ill, "does not list") || !i.Devices[2].Reading.Stale || i.Devices[1].Ill != "" {
			t.Errorf("%+v", i)
		}
		pass(10*time.Minute + 50*time.Second)
		if i := w.Inventory(); len(i.Devices) != 2 || i.Devices[0].UUID != "a" || i.Devices[1].UUID != "c" {
			t.Errorf("%+v", i)
		}
		if w.Series("b", time.Time{}) != nil || w.Series("a", time.Time{}) == nil {
			t.Error("the series of what was forgotten is there, or that of what is there is not")
		}
		pass(30 * time.Second)
		if i := w.Inventory(); len(i.Devices) != 2 || i.Devices[0].Ill == "" {
			t.Errorf("%+v", i)
		}
	})
}

// TestSeries: ten minutes by the second, six hours by the quarter of a minute, and no more.
func TestSeries(t *testing.T) {
	t.Parallel()
	used, warm := int64(0), 40
	probe := func(context.Context) ([]device.Device, string, error) {
		used++
		u := used
		return []device.Device{{UUID: "a", Reading: device.Reading{At: time.Now(), Used: &u, Temperature: &warm}}}, "", nil
	}
	within(t, func() gpu.Prober { return &asked{probe: probe} }, func(t *testing.T, w *Watch, _ *bytes.Buffer) {
		pass(7*time.Hour + 500*time.Millisecond)
		points := w.Series("a", time.Time{})
		if len(points) < fine+coarse-50 || len(points) > fine+coarse {
			t.Errorf("%d points", len(points))
		}
		for i, p := range points[1:] {
			apart := p.At.Sub(points[i].At)
			if recent := i+1 > len(points)-fine; recent && apart != time.Second || !recent && (apart < time.Second || apart > 15*time.Second) {
				t.Fatalf("point %d of %d is %s after the one before", i, len(points), apart)
			}
			if p.Used <= points[i].Used || p.Temperature != 40 || p.Utilisation != Unmeasured || p.Power != Unmeasured {
				t.Fatalf("%+v", p)
			}
		}
		if n := len(w.Series("a", time.Now().Add(-10*time.Second))); n != 10 {
			t.Errorf("%d points in ten seconds", n)
		}
		if w.Series("b", time.Time{}) != nil {
			t.Error("an unknown device has a series")
		}
	})
}

func TestNotBegun(t *testing.T) {
	t.Parallel()
	w := New(Config{Sources: []Source{Local(fake.New(nil, time.Now), time.Second)}})
	if i := w.Inventory(); len(i.Devices) != 0 || len(i.Notes) != 1 {
		t.Errorf("%+v", i)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	w.Start()
	if err := w.First(t.Context()); err == nil {
		t.Error("it looks after it was closed")
	}
	if i := New(Config{}).Inventory(); len(i.Notes) != 1 {
		t.Errorf("%+v", i)
	}
}

// TestHammer asks everything at once, under -race.
func TestHammer(t *testing.T) {
	t.Parallel()
	written := []gpu.Written{{Device: device.Device{Memory: gib}}, {Device: device.Device{Memory: gib}}}
	w := New(Config{Sources: []Source{Local(fake.New(written, time.Now), time.Millisecond), Local(fake.New(written, time.Now), time.Millisecond)}})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				w.Start()
				if err := w.First(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				for _, d := range w.Inventory().Devices {
					if len(w.Series(d.UUID, time.Time{})) == 0 {
						t.Error("no series")
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(w.Inventory().Devices); n != 2 {
		t.Errorf("%d devices: one that two sources give is one", n)
	}
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
}
