package device_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

var card = device.Device{UUID: "GPU-1a2b3c4d-5e6f", Kind: device.CUDA, Name: "NVIDIA GeForce RTX 4090", Architecture: "Ada", Compute: "8.9", Memory: 24 << 30}

func TestMisfit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		request device.Request
		why     string // a part of it; empty: it fits
	}{
		{"asks nothing", device.Request{}, ""},
		{"all its memory", device.Request{Memory: 24 << 30}, ""},
		{"more than all", device.Request{Memory: 24<<30 + 1}, "has 24 GiB in all"},
		{"a lower version", device.Request{AtLeast: map[string]string{"compute": "8.0"}}, ""},
		{"the same version", device.Request{AtLeast: map[string]string{"compute": "8.9"}}, ""},
		{"versions are numbers", device.Request{AtLeast: map[string]string{"compute": "8.10"}}, "has compute 8.9, not 8.10"},
		{"a higher version", device.Request{AtLeast: map[string]string{"compute": "9"}}, "has compute 8.9, not 9"},
		{"a size", device.Request{AtLeast: map[string]string{"memory": "24GiB"}}, ""},
		{"a larger size", device.Request{AtLeast: map[string]string{"memory": "25GiB"}}, "has memory 24 GiB, not 25GiB"},
		{"a part of the name", device.Request{AtLeast: map[string]string{"name": "rtx 40"}}, ""},
		{"another name", device.Request{AtLeast: map[string]string{"name": "H100"}}, "has name NVIDIA GeForce RTX 4090, not H100"},
		{"kind in any case", device.Request{AtLeast: map[string]string{"kind": "CUDA"}}, ""},
		{"another kind", device.Request{AtLeast: map[string]string{"kind": "rocm"}}, "has kind cuda, not rocm"},
		{"architecture", device.Request{AtLeast: map[string]string{"architecture": "ada"}}, ""},
		{"another architecture", device.Request{AtLeast: map[string]string{"architecture": "hopper"}}, "has architecture Ada, not hopper"},
		{"the first trait that is missed, by name", device.Request{AtLeast: map[string]string{"name": "H100", "compute": "9.0"}}, "has compute"},
		{"only this", device.Request{Only: []string{"GPU-0", card.UUID}}, ""},
		{"only others", device.Request{Only: []string{"H100", "GPU-0"}}, "is not one of H100, GPU-0"},
		{"forbidden", device.Request{Forbid: []string{"4090"}}, "is forbidden"},
		{"others forbidden", device.Request{Forbid: []string{"3090"}}, ""},
		{"prefer is no must", device.Request{Prefer: []string{"H100"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := device.Misfit(&card, &c.request)
			if c.why == "" && got != "" || c.why != "" && !strings.Contains(got, c.why) {
				t.Errorf("Misfit says %q, not %q", got, c.why)
			}
		})
	}
	bare := device.Device{UUID: "x", Memory: 1 << 30}
	if got := device.Misfit(&bare, &device.Request{AtLeast: map[string]string{"compute": "5.0"}}); got != "has compute none, not 5.0" {
		t.Errorf("a device without a version: %q", got)
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		card.UUID: true, "GPU-1a": true, "GPU-1": false /* five characters are too few */, "gpu-1a": false, "geforce": true, "RTX 4090": true,
		"": false, "4080": false, "GPU-1a2b3c4d-5e6f0": false,
	} {
		if got := device.Named(&card, []string{"nothing like it", pattern}); got != want {
			t.Errorf("Named by %q: %t", pattern, got)
		}
	}
	if device.Named(&card, nil) {
		t.Error("named by nothing")
	}
}

func TestCheckTrait(t *testing.T) {
	t.Parallel()
	for _, name := range device.Traits() {
		if err := device.CheckTrait(name, map[string]string{"compute": "8.0", "memory": "8GiB"}[name]); (err == nil) != (name == "compute" || name == "memory") {
			t.Errorf("trait %s: %v", name, err)
		}
	}
	for _, bad := range [][2]string{{"compute", "eight"}, {"compute", "-1.0"}, {"compute", ""}, {"memory", "much"}, {"name", ""}, {"colour", "blue"}} {
		if device.CheckTrait(bad[0], bad[1]) == nil {
			t.Errorf("trait %s %q is accepted", bad[0], bad[1])
		}
	}
	if !slices.IsSorted(device.Traits()) {
		t.Error("traits are not sorted")
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for uuid, want := range map[string]string{
		"GPU-1a2b3c4d-5e6f": "GPU-1a2b3c4d", "MIG-1a2b3c4d-5e6f": "MIG-1a2b3c4d", "GPU-1": "GPU-1", "ollama": "ollama", "box-1a2b3c4d-5e6f": "box-1a2b3c4d-5e6f", "": "",
	} {
		if got := device.Short(uuid); got != want {
			t.Errorf("Short(%q) is %q", uuid, got)
		}
	}
}
