package smi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// Nvidia makes a prober that asks nvidia-smi. wsl: this Linux runs inside Windows, where it knows no processes.
func Nvidia(run Run, wsl bool) gpu.Prober { return &nvidia{run: run, wsl: wsl} }

type nvidia struct {
	run Run
	wsl bool
	// compute is each GPU's capability, which the XML does not have; nil until it was asked for.
	compute map[string]string
}

// Probe implements gpu.Prober.
func (p *nvidia) Probe(ctx context.Context) ([]device.Device, string, error) {
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	raw, err := p.run(ctx, "nvidia-smi", "-q", "-x")
	if missing(err) {
		return nil, "nvidia-smi is not in PATH", nil
	}
	if err != nil {
		return nil, "", err
	}
	log, err := parseNvidia(raw)
	if err != nil {
		return nil, "", err
	}
	p.capabilities(ctx)
	parts := p.parts(ctx, log)
	now := time.Now().UTC()
	var out []device.Device
	for _, g := range log.GPUs {
		out = append(out, g.devices(log.Driver, p.compute, parts, p.wsl, now)...)
	}
	switch {
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case len(out) == 0:
		return nil, "nvidia-smi knows no GPU", nil
	case p.wsl:
		return out, "inside Windows (WSL2) the driver does not tell which processes use a device", nil
	}
	return out, "", nil
}

func parseNvidia(raw []byte) (log nvidiaLog, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.Strict = false // names of processes are written as they are
	if err := d.Decode(&log); err != nil {
		return log, fmt.Errorf("nvidia-smi -q -x prints no XML that can be read: %w: %q", err, firstLine(string(raw)))
	}
	return log, nil
}

// capabilities asks once: they do not change. Old versions do not know them.
func (p *nvidia) capabilities(ctx context.Context) {
	if p.compute != nil {
		return
	}
	p.compute = map[string]string{}
	raw, err := p.run(ctx, "nvidia-smi", "--query-gpu=uuid,compute_cap", "--format=csv,noheader")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		uuid, capability, _ := strings.Cut(line, ",")
		if capability = strings.TrimSpace(capability); capabilityForm.MatchString(capability) {
			p.compute[strings.TrimSpace(uuid)] = capability
		}
	}
}

var capabilityForm = regexp.MustCompile(`^\d+\.\d+$`)

// part is what nvidia-smi -L says of a MIG instance, and the XML does not.
type part struct{ name, uuid string }

var (
	gpuLine  = regexp.MustCompile(`^GPU \d+: .*\(UUID: ([^)]+)\)`)
	partLine = regexp.MustCompile(`^\s+(MIG \S+)\s+Device\s+(\d+): \(UUID: ([^)]+)\)`)
)

// parts gives MIG instances by the UUID of their GPU and their index. It asks only when there are any.
func (p *nvidia) parts(ctx context.Context, log nvidiaLog) map[string]map[int]part {
	if !slices.ContainsFunc(log.GPUs, func(g nvidiaGPU) bool { return len(g.Parts) > 0 }) {
		return nil
	}
	raw, err := p.run(ctx, "nvidia-smi", "-L")
	if err != nil {
		return nil
	}
	out := map[string]map[int]part{}
	whole := ""
	for line := range strings.Lines(string(raw)) {
		if m := gpuLine.FindStringSubmatch(line); m != nil {
			whole = m[1]
			out[whole] = map[int]part{}
		} else if m := partLine.FindStringSubmatch(line); m != nil && whole != "" {
			index, err := strconv.Atoi(m[2])
			if err == nil {
				out[whole][index] = part{name: m[1], uuid: m[3]}
			}
		}
	}
	return out
}

// devices gives a GPU, or its MIG instances.
func (g nvidiaGPU) devices(driver string, compute map[string]string, parts map[string]map[int]part, wsl bool, now time.Time) []device.Device {
	if !strings.HasPrefix(g.UUID, "GPU-") {
		return nil // nothing can be given to what has no name
	}
	d := device.Device{
		UUID: g.UUID, Kind: device.CUDA, Name: g.Name, Architecture: told(g.Architecture), Compute: compute[g.UUID],
		PCI: cmp.Or(told(g.PCI), told(g.ID)), Driver: told(driver), Reading: g.reading(now),
	}
	d.Memory, _ = size(g.Memory.Total)
	d.NUMA = gpu.NUMA(d.PCI)
	d.Ill, d.Warning = g.health()
	if !wsl {
		d.Reading.Processes = g.processes("")
	}
	if !strings.EqualFold(g.MIG, "Enabled") {
		return []device.Device{d}
	}
	if len(g.Parts) == 0 {
		d.Ill = "it is in MIG mode and not divided: make instances with nvidia-smi mig -cgi … -C, or turn the mode off with nvidia-smi -mig 0"
		return []device.Device{d}
	}
	var out []device.Device
	for _, m := range g.Parts {
		if known, ok := parts[g.UUID][m.Index]; ok {
			out = append(out, g.part(d, m, known, now))
		}
	}
	return out
}

func (g nvidiaGPU) part(whole device.Device, m nvidiaPart, known part, now time.Time) device.Device {
	d := whole
	d.UUID, d.Name, d.Parent = known.uuid, whole.Name+" "+known.name, whole.UUID
	d.Reading = device.Reading{At: now, Temperature: whole.Reading.Temperature}
	d.Memory, _ = size(m.Memory.Total)
	m.Memory.put(&d.Reading)
	if whole.Reading.Processes != nil {
		d.Reading.Processes = g.processes(m.Instance)
	}
	return d
}

func (g nvidiaGPU) reading(now time.Time) device.Reading {
	r := device.Reading{At: now}
	g.Memory.put(&r)
	r.Utilisation = whole(number(g.Utilisation))
	r.Temperature = whole(number(g.Temperature))
	for _, text := range []string{g.Power.Draw, g.Power.Average, g.Power.Instant, g.OldPower.Draw} {
		if w, ok := number(text); ok && r.Power == nil {
			r.Power = of(w)
		}
	}
	return r
}

func (m nvidiaMemory) put(r *device.Reading) {
	if used, ok := size(m.Used); ok {
		r.Used = of(used)
	}
	if free, ok := size(m.Free); ok {
		r.Free = of(free)
	}
}

// processes gives those of a MIG instance, or all; nil where none are told.
func (g nvidiaGPU) processes(instance string) []device.Process {
	if g.Processes == nil {
		return nil
	}
	out := []device.Process{}
	for _, p := range g.Processes.List {
		if instance != "" && p.Instance != instance || p.PID <= 0 || slices.ContainsFunc(out, func(o device.Process) bool { return o.PID == p.PID }) {
			continue
		}
		one := device.Process{PID: p.PID, Name: told(p.Name)}
		if n, ok := size(p.Memory); ok {
			one.Memory = of(n)
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b device.Process) int { return cmp.Compare(a.PID, b.PID) })
	return out
}

// health says why no task may go there, and what a person should know.
func (g nvidiaGPU) health() (ill, warning string) {
	yes := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), "Yes") })
	}
	uncorrected := 0.0
	for _, text := range []string{g.ECC.SRAM, g.ECC.Parity, g.ECC.SECDED, g.ECC.DRAM, g.ECC.Double} {
		if n, ok := number(text); ok {
			uncorrected += n
		}
	}
	if uncorrected > 0 {
		warning = fmt.Sprintf("%.0f errors in its memory could not be corrected since the driver was loaded", uncorrected)
	}
	if yes(g.RemapPending, g.RetirePending) {
		warning = "a part of its memory is to be replaced: reset it when it is idle (nvidia-smi --gpu-reset)"
	}
	switch action := told(g.Action); {
	case yes(g.RemapFailure):
		ill = "a row of its memory is broken and cannot be replaced any more: the device is to be replaced"
	case yes(g.ResetRequired):
		ill = "its driver asks for a reset: nvidia-smi --gpu-reset"
	case action != "" && action != "None" && !strings.HasPrefix(action, "Drain"):
		ill = "its driver asks for this to recover it: " + action
	case action != "" && action != "None":
		warning = "its driver asks for this to recover it: " + action
	case slices.ContainsFunc([]string{g.Name, g.Memory.Total, g.Temperature}, func(t string) bool { return strings.Contains(t, "GPU is lost") }):
		ill = "it is lost: the driver does not reach it any more; restart the machine"
	}
	return ill, warning
}

// told gives a text, and nothing for what nvidia-smi writes when there is none.
func told(text string) string {
	text = strings.TrimSpace(text)
	if text == "N/A" || strings.HasPrefix(text, "[") || strings.HasPrefix(text, "Requested functionality") || strings.Contains(text, "GPU is lost") || text == "ERR!" {
		return ""
	}
	return text
}
