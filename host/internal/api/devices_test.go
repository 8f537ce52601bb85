package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeDevices has one device that is ill, and one point of its series a second after the time asked for.
type fakeDevices struct{ none bool }

func (f fakeDevices) Devices(context.Context) (client.DeviceList, error) {
	if f.none {
		return client.DeviceList{Notes: []string{"no driver"}}, nil
	}
	return client.DeviceList{Devices: []client.KnownDevice{{UUID: "GPU-a", Memory: 7, Ill: "lost"}}}, nil
}

func (f fakeDevices) Series(_ context.Context, uuid string, since time.Time) (client.DeviceSeries, error) {
	if uuid != "GPU-a" {
		return client.DeviceSeries{}, &client.Problem{Code: client.CodeNotFound, Detail: "there is no device " + uuid}
	}
	s := client.DeviceSeries{UUID: uuid}
	if !since.IsZero() {
		s.Points = []client.DevicePoint{{At: since.Add(time.Second)}}
	}
	return s, nil
}

func (f fakeDevices) Hold(_ context.Context, uuid, why string) error {
	if uuid != "GPU-a" || why != "" && why != "a game" {
		return &client.Problem{Code: client.CodeNotFound, Detail: "there is no device " + uuid + " to hold: " + why}
	}
	return nil
}

func TestHoldDevices(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	if l, err := b.unix.HoldDevice(t.Context(), "GPU-a", "a game"); err != nil || len(l.Devices) != 1 {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := b.unix.ReleaseDevice(t.Context(), "GPU-a"); err != nil || len(l.Devices) != 1 {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := b.unix.HoldDevice(t.Context(), "GPU-a", ""); err == nil || !strings.Contains(err.Error(), "by local") {
		t.Errorf("%v", err)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	list, err := b.unix.Devices(t.Context())
	if err != nil || list.Version != client.ShapeVersion || len(list.Devices) != 1 || list.Devices[0].UUID != "GPU-a" || list.Devices[0].Ill != "lost" {
		t.Errorf("%+v %v", list, err)
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 5, time.FixedZone("", 3600))
	s, err := b.unix.DeviceSeries(t.Context(), "GPU-a", at)
	if err != nil || s.Version != client.ShapeVersion || s.UUID != "GPU-a" || len(s.Points) != 1 || !s.Points[0].At.Equal(at.Add(time.Second)) {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := b.unix.DeviceSeries(t.Context(), "GPU-a", time.Time{}); err != nil || s.Points == nil || len(s.Points) != 0 {
		t.Errorf("%+v %v", s, err)
	}
	b.get(t, "/api/v1/devices/GPU-b/series").problem(t, 404, client.CodeNotFound, "GPU-b")
	b.get(t, "/api/v1/devices/GPU-a/series?since=noon").problem(t, 400, client.CodeBadRequest, "query.since")
	none := start(t, func(c *Config) { c.Fleet.Devices = fakeDevices{none: true} })
	if list, err := none.unix.Devices(t.Context()); err != nil || list.Devices == nil || len(list.Notes) != 1 {
		t.Errorf("%+v %v", list, err)
	}
}
