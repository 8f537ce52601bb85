package fake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/gputest"
)

const gib = 1 << 30

func written() []gpu.Written {
	warm := 61
	return []gpu.Written{
		{Device: device.Device{UUID: "FAKE-a", Name: "A", Memory: 24 * gib, Reading: device.Reading{Temperature: &warm}}, Used: gib, Script: []gpu.Event{
			{At: 20 * time.Second, Do: Sicken}, {At: 10 * time.Second, Do: Use, Used: 30 * gib}, {At: 30 * time.Second, Do: Heal},
			{At: 40 * time.Second, Do: Lose}, {At: 50 * time.Second, Do: Hang}, {At: 60 * time.Second, Do: Answer},
		}},
		{Device: device.Device{Kind: device.Static, Name: "B", Memory: 8 * gib}},
		{Device: device.Device{Kind: device.Static, Memory: 8 * gib}, Used: gib},
	}
}

func TestConforms(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0).UTC()
	gputest.Run(t, func(*testing.T) gpu.Prober { return New(written(), func() time.Time { return now }) })
}

func TestScript(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	p := New(written(), func() time.Time { return now })
	for _, c := range []struct {
		at   time.Duration
		used int64
		ill  string
	}{
		{0, gib, ""}, {9 * time.Second, gib, ""}, {10 * time.Second, 24 * gib, ""}, {20 * time.Second, 24 * gib, "Xid 95"},
		{30 * time.Second, 24 * gib, ""}, {40 * time.Second, -1, "lost"}, {60 * time.Second, -1, "lost"},
	} {
		now = time.Unix(1, 0).Add(c.at)
		devices, note, err := p.Probe(t.Context())
		if err != nil || len(devices) != 3 || !strings.Contains(note, "static") {
			t.Fatalf("at %s: %v %q %v", c.at, devices, note, err)
		}
		d := devices[0]
		if (c.ill == "") != (d.Ill == "") || !strings.Contains(d.Ill, c.ill) {
			t.Errorf("at %s: ill %q", c.at, d.Ill)
		}
		if c.used < 0 != (d.Reading.Used == nil) || c.used >= 0 && *d.Reading.Used != c.used || !d.Reading.At.Equal(now) {
			t.Errorf("at %s: %+v", c.at, d.Reading)
		}
		if b := devices[1].Reading; b.Used != nil || b.Free != nil || devices[1].UUID != "static-2" {
			t.Errorf("%+v", devices[1])
		}
		if r := devices[2].Reading; *r.Used != gib || *r.Free != 7*gib || devices[2].Name != "static device" {
			t.Errorf("%+v", devices[2])
		}
	}
	now = time.Unix(1, 0)
	for raw, want := range map[string]string{
		`{"used": 42, "processes": [{"pid": 7, "memory": 42}], "at": "2020-01-01T00:00:00Z"}`: "",
		`{"used": `: "its figures cannot be read: unexpected end of JSON input",
	} {
		figures := filepath.Join(t.TempDir(), "figures.json")
		if err := os.WriteFile(figures, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		devices, _, err := New([]gpu.Written{{Device: device.Device{Memory: gib}, Figures: figures}}, func() time.Time { return now }).Probe(t.Context())
		if err != nil || devices[0].Ill != want {
			t.Fatalf("%+v %v", devices, err)
		}
		if r := devices[0].Reading; want == "" && (*r.Used != 42 || *r.Free != gib-42 || len(r.Processes) != 1 || !r.At.Equal(now)) {
			t.Errorf("%+v", r)
		}
	}
	now = time.Unix(51, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := p.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it does not hang: %v", err)
	}
}
