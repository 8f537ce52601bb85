package tally_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/tally"
	"github.com/myspinbot/spinbot/sdk"
)

var began = time.Unix(1_800_000_000, 0)

func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

// read is a reading of a GPU at a second: its counter and its power; below zero: it has none.
func read(t *tally.Tally, seconds, joules, watts float64) {
	d := device.Device{UUID: "GPU-1", Name: "Fake", Reading: device.Reading{At: at(seconds)}}
	if joules >= 0 {
		d.Reading.Energy = &joules
	}
	if watts >= 0 {
		d.Reading.Power = &watts
	}
	t.Read([]device.Device{d}, at(seconds))
}

func release(t *testing.T, from *tally.Tally, id string, seconds float64) sdk.UsedDevice {
	t.Helper()
	got := from.Release(id, []string{"GPU-1"}, at(seconds))
	if len(got) != 1 {
		t.Fatalf("%s had %v", id, got)
	}
	return got[0]
}

func want(t *testing.T, got, want sdk.UsedDevice) {
	t.Helper()
	want.UUID, want.Name = "GPU-1", "Fake"
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

var only = []string{"GPU-1"}

func TestMeasured(t *testing.T) {
	t.Parallel()
	x := tally.New()
	read(x, 0, 1000, -1)
	x.Hold("a", only, 8, at(0))
	read(x, 1, 1100, -1)
	read(x, 1, 9999, -1) // repeated: it tells nothing
	read(x, 2, 1200, -1)
	want(t, release(t, x, "a", 2), sdk.UsedDevice{Held: 2000, Share: 2000, Memory: 8, Energy: 200})
	if again := x.Release("a", only, at(3)); again != nil {
		t.Errorf("released twice: %v", again)
	}
}

// TestShared: by the memory that each holds, for as long as both do.
func TestShared(t *testing.T) {
	t.Parallel()
	x := tally.New()
	read(x, 0, 0, -1)
	x.Hold("a", only, 30, at(0))
	x.Hold("b", only, 10, at(2))
	read(x, 4, 400, -1)
	want(t, release(t, x, "b", 4), sdk.UsedDevice{Held: 2000, Share: 500, Memory: 10, Energy: 50})
	read(x, 6, 1000, -1)
	want(t, release(t, x, "a", 6), sdk.UsedDevice{Held: 6000, Share: 5500, Memory: 30, Energy: 350 + 600})
}

// TestIdle: what a device draws while nobody holds it is nobody's.
func TestIdle(t *testing.T) {
	t.Parallel()
	x := tally.New()
	read(x, 0, 0, -1)
	read(x, 9, 900, -1)
	x.Hold("a", only, 1, at(9.5))
	read(x, 10, 1000, -1)
	want(t, release(t, x, "a", 10), sdk.UsedDevice{Held: 500, Share: 500, Memory: 1, Energy: 50})
}

func TestEstimated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps func(x *tally.Tally)
		want  sdk.UsedDevice
	}{
		"after the last reading": {func(x *tally.Tally) {
			read(x, 0, 0, -1)
			read(x, 1, 100, -1)
			x.Hold("a", only, 1, at(1))
			read(x, 2, 300, -1)
		}, sdk.UsedDevice{Held: 1500, Share: 1500, Memory: 1, Energy: 300, Estimated: 100}},
		"power alone": {func(x *tally.Tally) {
			read(x, 0, -1, 100)
			x.Hold("a", only, 1, at(0))
			read(x, 2, -1, 300)
		}, sdk.UsedDevice{Held: 2500, Share: 2500, Memory: 1, Energy: 550, Estimated: 550}},
		"a counter that began anew": {func(x *tally.Tally) {
			read(x, 0, 5000, 100)
			x.Hold("a", only, 1, at(0))
			read(x, 1, 10, 100)
			read(x, 2.5, 160, 100)
		}, sdk.UsedDevice{Held: 2500, Share: 2500, Memory: 1, Energy: 250, Estimated: 100}},
		"nothing is measured": {func(x *tally.Tally) {
			read(x, 0, -1, -1)
			x.Hold("a", only, 1, at(0))
			read(x, 1, -1, -1)
		}, sdk.UsedDevice{Held: 2500, Share: 2500, Memory: 1}},
		"it was never read before": {func(x *tally.Tally) {
			x.Hold("a", only, 1, at(0))
			read(x, 1.5, 777, 100)
		}, sdk.UsedDevice{Held: 2500, Share: 2500, Memory: 1, Energy: 250, Estimated: 250}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := tally.New()
			c.steps(x)
			want(t, release(t, x, "a", 2.5), c.want)
		})
	}
}

// TestNoMoreThanThereIs plays tasks that come and go: together they have never more than the time that passed and what was counted.
func TestNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r, x := rand.New(rand.NewPCG(seed, 0)), tally.New()
		now, joules, share, energy := 0.0, 0.0, int64(0), 0.0
		var held []string
		end := func(id string) {
			got := release(t, x, id, now)
			share += got.Share
			energy += got.Energy - got.Estimated
			if got.Share > got.Held || got.Estimated > got.Energy || got.Share < 0 {
				t.Errorf("%d: %+v", seed, got)
			}
		}
		read(x, 0, 0, 50)
		for k := range 100 {
			now += r.Float64() * 3
			switch n := r.IntN(4); {
			case n == 0:
				id := fmt.Sprint(k)
				x.Hold(id, only, r.Int64N(100), at(now))
				held = append(held, id)
			case n == 1 && len(held) > 0:
				end(held[0])
				held = held[1:]
			default:
				joules += r.Float64() * 500
				read(x, now, joules, 50)
			}
		}
		for _, id := range held {
			end(id)
		}
		if float64(share) > now*1000+1 || energy > joules+1e-6*float64(len(held)+100)*1000 {
			t.Errorf("%d: %d ms of %.0f, %.3f J of %.3f", seed, share, math.Floor(now*1000), energy, joules)
		}
	}
}
