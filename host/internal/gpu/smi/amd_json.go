package smi

import (
	"encoding/json"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// amdGPU is what amd-smi prints of one GPU. Whatever it does not know is "N/A", be it a value or a whole group; a value
// is plain, or has a unit: {"value": 32624, "unit": "MB"}.
type amdGPU map[string]any

// at gives what stands at a path, nil when nothing does.
func (g amdGPU) at(path ...string) any {
	var v any = map[string]any(g)
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// text gives a value with its unit, "" when it is not known.
func (g amdGPU) text(path ...string) string { return valueText(g.at(path...)) }

func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return told(v)
	case json.Number:
		return v.String()
	case map[string]any:
		text := valueText(v["value"])
		if unit := valueText(v["unit"]); text != "" && unit != "" {
			text += " " + unit
		}
		return text
	}
	return ""
}

// index is amd-smi's number of the GPU; -1 when it has none.
func (g amdGPU) index() int {
	if n, ok := number(g.text("gpu")); ok {
		return int(n)
	}
	return -1
}

// processes are those that use the GPU. When there are none a sentence stands there.
func (g amdGPU) processes() (out []device.Process) {
	list, _ := g.at("process_list").([]any)
	for _, one := range list {
		entry, _ := one.(map[string]any)
		info := amdGPU(entry)
		if inner, ok := entry["process_info"].(map[string]any); ok {
			info = inner
		}
		pid, ok := number(info.text("pid"))
		if !ok || pid <= 0 {
			continue
		}
		p := device.Process{PID: int(pid), Name: info.text("name")}
		if n, ok := size(info.text("memory_usage", "vram_mem")); ok {
			p.Memory = of(n)
		}
		out = append(out, p)
	}
	return out
}

// parseAMD reads a list of GPUs; newer versions print an object around some of them.
func parseAMD(raw []byte) ([]amdGPU, error) {
	var all any
	if err := decode(raw, &all); err != nil {
		return nil, fmt.Errorf("amd-smi prints no JSON that can be read: %w: %q", err, firstLine(string(raw)))
	}
	if around, ok := all.(map[string]any); ok {
		all = around["gpu_data"]
	}
	list, _ := all.([]any)
	var out []amdGPU
	for _, one := range list {
		if g, ok := one.(map[string]any); ok {
			out = append(out, g)
		}
	}
	return out, nil
}
