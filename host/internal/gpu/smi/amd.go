package smi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// AMD makes a prober that asks amd-smi.
func AMD(run Run) gpu.Prober { return &amd{run: run} }

type amd struct {
	run Run
	// static is what does not change, by amd-smi's number of the GPU; nil until it was asked for.
	static map[int]device.Device
	note   string
}

// Probe implements gpu.Prober.
func (p *amd) Probe(ctx context.Context) ([]device.Device, string, error) {
	out, note, err := p.probe(ctx)
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	return out, note, err
}

func (p *amd) probe(ctx context.Context) ([]device.Device, string, error) {
	if ctx.Err() == nil && p.static == nil {
		if note, err := p.identify(ctx); note != "" || err != nil {
			return nil, note, err
		}
	}
	metrics, err := p.ask(ctx, "metric")
	if err != nil {
		return nil, "", err
	}
	running, unknown := p.ask(ctx, "process") // a version that cannot tell is no error
	now := time.Now().UTC()
	var out []device.Device
	for _, m := range metrics {
		d, ok := p.static[m.index()]
		if !ok {
			continue
		}
		m.measure(&d, now)
		if unknown == nil {
			d.Reading.Processes = processesOf(running, m.index())
		}
		out = append(out, d)
	}
	return out, p.note, nil
}

// identify asks who they are. A GPU without a UUID is left out.
func (p *amd) identify(ctx context.Context) (note string, err error) {
	names, err := p.ask(ctx, "list", "-e") // newer versions add the UUID by which HIP knows a device
	if err != nil && !missing(err) {
		names, err = p.ask(ctx, "list")
	}
	if missing(err) {
		return "amd-smi is not in PATH", nil
	}
	if err != nil {
		return "", err
	}
	facts, err := p.ask(ctx, "static")
	if err != nil {
		return "", err
	}
	static := map[int]device.Device{}
	for _, n := range names {
		uuid := n.text("hip_uuid")
		if !strings.HasPrefix(uuid, "GPU-") {
			if uuid = n.text("uuid"); uuid == "" {
				continue
			}
			p.note = "this amd-smi does not tell the UUIDs that HIP_VISIBLE_DEVICES takes"
		}
		d := device.Device{UUID: uuid, Kind: device.ROCm, Name: "AMD GPU", PCI: n.text("bdf")}
		for _, f := range facts {
			if f.index() == n.index() {
				f.describe(&d)
			}
		}
		d.NUMA = gpu.NUMA(d.PCI)
		static[n.index()] = d
	}
	if len(static) == 0 {
		return "amd-smi knows no GPU", nil
	}
	p.static = static
	return "", nil
}

func (p *amd) ask(ctx context.Context, args ...string) ([]amdGPU, error) {
	raw, err := p.run(ctx, "amd-smi", append(args, "--json")...)
	if err != nil {
		return nil, err
	}
	return parseAMD(raw)
}

func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

func (g amdGPU) describe(d *device.Device) {
	d.Name = cmp.Or(g.text("asic", "market_name"), g.text("board", "product_name"), d.Name)
	d.Architecture = g.text("asic", "target_graphics_version")
	d.PCI = cmp.Or(d.PCI, g.text("bus", "bdf"))
	d.Driver = g.text("driver", "version")
	d.Memory, _ = size(g.text("vram", "size"))
}

// measure puts in what was measured.
func (g amdGPU) measure(d *device.Device, now time.Time) {
	r := device.Reading{At: now}
	if total, ok := size(g.text("mem_usage", "total_vram")); ok {
		d.Memory = total
	}
	if used, ok := size(g.text("mem_usage", "used_vram")); ok {
		used = min(used, d.Memory)
		free, ok := size(g.text("mem_usage", "free_vram"))
		if !ok {
			free = d.Memory
		}
		r.Used, r.Free = of(used), of(min(free, d.Memory-used))
	}
	r.Utilisation = whole(number(g.text("usage", "gfx_activity")))
	r.Temperature = whole(number(cmp.Or(g.text("temperature", "hotspot"), g.text("temperature", "edge"))))
	if w, ok := number(g.text("power", "socket_power")); ok {
		r.Power = of(w)
	}
	if j, ok := number(g.text("energy", "total_energy_consumption")); ok {
		r.Energy = of(j)
	}
	if n, ok := number(g.text("ecc", "total_uncorrectable_count")); ok && n > 0 {
		d.Warning = fmt.Sprintf("%.0f errors in its memory could not be corrected", n)
	}
	d.Reading = r
}

func processesOf(list []amdGPU, index int) []device.Process {
	out := []device.Process{}
	for _, g := range list {
		if g.index() == index {
			out = append(out, g.processes()...)
		}
	}
	slices.SortStableFunc(out, func(a, b device.Process) int { return cmp.Compare(a.PID, b.PID) })
	return slices.CompactFunc(out, func(a, b device.Process) bool { return a.PID == b.PID })
}
