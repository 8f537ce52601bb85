// Package gputest is the conformance suite of probers: what holds of devices, whoever reads them.
package gputest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// Run holds a prober to it. It makes one that finds at least one device.
func Run(t *testing.T, prober func(t *testing.T) gpu.Prober) {
	t.Run("sane", func(t *testing.T) {
		t.Parallel()
		for _, d := range probe(t, prober(t)) {
			Sane(t, d)
		}
	})
	t.Run("same devices in the same order", func(t *testing.T) {
		t.Parallel()
		p := prober(t)
		first := probe(t, p)
		for range 3 {
			if again := probe(t, p); !reflect.DeepEqual(uuids(first), uuids(again)) {
				t.Errorf("first %v, then %v", uuids(first), uuids(again))
			}
		}
	})
	t.Run("crosses a pipe", func(t *testing.T) {
		t.Parallel()
		devices := probe(t, prober(t))
		raw, err := json.Marshal(devices)
		if err != nil {
			t.Fatal(err)
		}
		var back []device.Device
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(devices, back) {
			t.Errorf("%v\n%+v\n%+v", err, devices, back)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if _, _, err := prober(t).Probe(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context gives %v", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func probe(t *testing.T, p gpu.Prober) []device.Device {
	t.Helper()
	devices, note, err := p.Probe(t.Context())
	if err != nil || len(devices) == 0 {
		t.Fatalf("%d devices, %q, %v", len(devices), note, err)
	}
	seen := map[string]bool{}
	for _, d := range devices {
		if seen[d.UUID] {
			t.Errorf("two devices are %s", d.UUID)
		}
		seen[d.UUID] = true
	}
	for _, d := range devices {
		if seen[d.Parent] {
			t.Errorf("%s is listed beside a part of it", d.Parent)
		}
	}
	return devices
}

func uuids(devices []device.Device) (out []string) {
	for _, d := range devices {
		out = append(out, d.UUID)
	}
	return out
}

// Sane fails when a device cannot be as it says.
func Sane(t *testing.T, d device.Device) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %q: "+format, append([]any{d.UUID, d.Name}, args...)...)
	}
	if d.UUID == "" || d.Name == "" || d.Kind == "" {
		bad("it has no name")
	}
	r := d.Reading
	if d.Memory <= 0 && d.Ill == "" {
		bad("memory %d", d.Memory)
	}
	used, free := given(r.Used), given(r.Free)
	if used < 0 || free < 0 || used > d.Memory || free > d.Memory || used+free > d.Memory {
		bad("%d used and %d free of %d", used, free, d.Memory)
	}
	if u := r.Utilisation; u != nil && (*u < 0 || *u > 100) {
		bad("utilisation %d", *u)
	}
	if c := r.Temperature; c != nil && (*c < -50 || *c > 150) {
		bad("%d °C", *c)
	}
	if given(r.Power) < 0 || given(r.Power) > 5000 || given(r.Energy) < 0 {
		bad("%f W, %f J", given(r.Power), given(r.Energy))
	}
	for _, p := range r.Processes {
		if p.PID <= 0 || given(p.Memory) < 0 || given(p.Memory) > d.Memory {
			bad("process %+v", p)
		}
	}
	if r.Stale {
		bad("a prober does not say that it is stale")
	}
}

func given[T any](v *T) (out T) {
	if v != nil {
		out = *v
	}
	return out
}
