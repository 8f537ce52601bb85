package main

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/sdk/client"
)

func TestShowDevices(t *testing.T) {
	t.Parallel()
	of := func(n int64) *int64 { return &n }
	n, hot, watts := 4, 71, 212.4
	l := client.DeviceList{Devices: []client.KnownDevice{
		{UUID: "GPU-1b724e78-eef5-4163", Name: "NVIDIA GeForce RTX 4090", Memory: 24 << 30, Reading: client.DeviceReading{Used: of(3 << 29), Utilisation: &n, Temperature: &hot, Power: &watts}, Unmeasured: []string{"energy"}},
		{UUID: "GPU-1b724e79-eef5-4163", Name: "Old", Memory: 8 << 30, Warning: "3 errors", Unmeasured: []string{"used", "power"}},
		{UUID: "MIG-1", Name: "Lost", Memory: 5 << 30, Ill: "it is lost", Unmeasured: []string{"used", "power"}},
		{UUID: "FAKE", Name: "Quiet", Agent: "box2", Held: "a game", Memory: 1 << 30, Reading: client.DeviceReading{Used: of(512), Stale: true}, Unmeasured: []string{"energy"}},
	}, Notes: []string{"inside Windows (WSL2) it is not told which processes use a device"}}
	var b strings.Builder
	showDevices(&b, progress.Style{}, l)
	want := `UUID          NAME                     MEMORY             USE  TEMP   POWER  HEALTH
GPU-1b724e78  NVIDIA GeForce RTX 4090  1.5 GiB of 24 GiB  4%   71 °C  212 W  ok
GPU-1b724e79  Old                            - of 8 GiB    -       -      -  warning
MIG-1         Lost                           - of 5 GiB    -       -      -  ill
FAKE          Quiet on box2              512 B of 1 GiB    -       -      -  no answer
GPU-1b724e79: 3 errors
MIG-1 takes no task: it is lost
FAKE is held: a game
not measured: energy (GPU-1b724e78, FAKE)
not measured: used, power (GPU-1b724e79)
inside Windows (WSL2) it is not told which processes use a device
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	showDevices(&b, progress.Style{}, client.DeviceList{Notes: []string{"no driver", "amd-smi is not in PATH"}})
	if b.String() != "No devices: no driver; amd-smi is not in PATH. To use a GPU, install its vendor's driver; whatever needs no device runs all the same.\n" {
		t.Error(b.String())
	}
	if got := shortUUIDs([]client.KnownDevice{{UUID: "GPU-aaaaaaaaaaaab"}, {UUID: "GPU-aaaaaaaaaaaac"}, {UUID: "x"}, {UUID: "x"}}); got[0] != "GPU-aaaaaaaaaaaab" || got[2] != "x" {
		t.Error(got)
	}
}
