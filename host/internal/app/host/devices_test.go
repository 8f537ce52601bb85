package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/sdk/client"
)

func twoDevices(c *Config) {
	warm := 61
	c.Devices = []gpu.Written{
		{Device: device.Device{UUID: "FAKE-one", Name: "A", Memory: 8 << 30, Reading: device.Reading{Temperature: &warm}}, Used: 1 << 30},
		{Device: device.Device{UUID: "FAKE-two", Kind: device.Static, Name: "B", Memory: 4 << 30, Ill: "it is in a drawer"}},
	}
}

// TestDevices: devices that were written down are listed with what is known of them, and nobody looks before somebody asks.
func TestDevices(t *testing.T) {
	t.Parallel()
	h := open(t, twoDevices)
	if i := h.devices.Inventory(); len(i.Devices) != 0 {
		t.Errorf("somebody has looked: %+v", i)
	}
	list, err := h.Client().Devices(t.Context())
	if err != nil || len(list.Devices) != 2 || len(list.Notes) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	a, b := list.Devices[0], list.Devices[1]
	if a.UUID != "FAKE-one" || a.Kind != "fake" || *a.Reading.Free != 7<<30 || *a.Reading.Temperature != 61 || strings.Join(a.Unmeasured, " ") != "utilisation power energy processes" {
		t.Errorf("%+v", a)
	}
	if b.Kind != "static" || b.Ill != "it is in a drawer" || b.Reading.Used != nil || len(b.Unmeasured) != 7 {
		t.Errorf("%+v", b)
	}
	s, err := h.Client().DeviceSeries(t.Context(), "fake-ONE", time.Time{})
	if err != nil || s.UUID != "FAKE-one" || len(s.Points) == 0 || *s.Points[0].Used != 1<<30 || *s.Points[0].Temperature != 61 || s.Points[0].Power != nil {
		t.Errorf("%+v %v", s, err)
	}
	for uuid, code := range map[string]string{"FAKE": client.CodeBadRequest, "GPU": client.CodeNotFound} {
		var p *client.Problem
		if _, err := h.Client().DeviceSeries(t.Context(), uuid, time.Time{}); !errors.As(err, &p) || p.Code != code {
			t.Errorf("%s: %v", uuid, err)
		}
	}
}

// TestDevicesServed: a host that serves looks by itself, shows devices in its metrics, and says when there are none.
func TestDevicesServed(t *testing.T) {
	t.Parallel()
	h := open(t, twoDevices)
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.devices.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), `spinbot_device_memory_used_bytes{name="A",uuid="FAKE-one"} 1.073741824e+09`) || !strings.Contains(string(text), `spinbot_device_healthy{name="B",uuid="FAKE-two"} 0`) {
		t.Errorf("%v\n%s", err, text)
	}
	log := &quiet{}
	none := open(t, func(c *Config) {
		c.Probe = []string{"sh", "-c", `echo '{"at": "2026-01-01T00:00:00Z", "note": "no driver"}'; exec cat`}
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	if _, err := none.Serve(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	list, err := none.Client().Devices(t.Context())
	if err != nil || len(list.Devices) != 0 || len(list.Notes) != 1 || list.Notes[0] != "no driver" {
		t.Errorf("%+v %v", list, err)
	}
	stop(t, none)
	if n := bytes.Count(log.buf.Bytes(), []byte("no devices")); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, log.buf.String())
	}
}

// TestProber asks this machine, whatever it has.
func TestProber(t *testing.T) {
	t.Parallel()
	devices, note, err := machine.Prober().Probe(context.Background())
	t.Logf("%d devices, %q, %v", len(devices), note, err)
	if len(devices) == 0 && note == "" && err == nil {
		t.Error("there is nothing, and no reason")
	}
}
