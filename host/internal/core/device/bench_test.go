package device_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// BenchmarkLease measures a lease granted and released on an agent of 8 devices where other tasks run and models are warm.
func BenchmarkLease(b *testing.B) {
	table, now := device.NewTable(-1, -1), time.Unix(1_700_000_000, 0)
	table.TTL = time.Minute
	var devices []device.Device
	for k := range 8 {
		devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%d", k), Kind: device.Fake, Name: "Fake", Memory: 80 << 30})
	}
	table.Observe(devices, nil)
	for k, d := range devices {
		for n := range 3 {
			id := fmt.Sprintf("p%d@%s", n, d.UUID)
			table.Keep(device.Warm{ID: id, Process: id, Devices: []string{d.UUID}, Model: "m", Memory: 8 << 30, Used: now})
		}
		if _, err := table.Grant(device.Ask{ID: fmt.Sprintf("task%d", k), Devices: []string{d.UUID}, Warm: "p0@" + d.UUID, Request: device.Request{Count: 1, Memory: 8 << 30}}, now); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		l, err := table.Grant(device.Ask{ID: "one more", Devices: []string{"GPU-7"}, Warm: "p1@GPU-7", Request: device.Request{Count: 1, Memory: 10 << 30}}, now)
		if err != nil || !table.Release(l.ID, l.Epoch, now) {
			b.Fatal("no lease: ", err)
		}
	}
}
