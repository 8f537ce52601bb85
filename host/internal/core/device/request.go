package device

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Request is what a task asks of the devices of one agent, and of the agent itself. Its zero value asks for nothing. It travels
// to agents as JSON.
type Request struct {
	// Count is how many devices; each has to give Memory bytes. All of them or none are leased.
	Count  int   `json:"count,omitempty"`
	Memory int64 `json:"memory,omitempty"`
	// RAM and Disk are bytes of the agent's own.
	RAM  int64 `json:"ram,omitempty"`
	Disk int64 `json:"disk,omitempty"`
	// Exclusive: nobody else may use the devices meanwhile.
	Exclusive bool `json:"exclusive,omitempty"`
	// AtLeast are traits that each device must have: see Traits.
	AtLeast map[string]string `json:"at_least,omitempty"`
	// Only, Prefer and Forbid name devices: by UUID, by how it begins, or by a part of the name.
	Only   []string `json:"only,omitempty"`
	Prefer []string `json:"prefer,omitempty"`
	Forbid []string `json:"forbid,omitempty"`
	// NeverSpill: less than Memory will not do, even for a node type that takes what it is given.
	NeverSpill bool `json:"never_spill,omitempty"`
}

// Class is a kind of node that an engine such as a ComfyUI has to have for a task.
type Class struct {
	Name string `json:"name"`
	Pack string `json:"pack,omitempty"` // that it comes in; empty: the engine's own, or not known
}

// String is the class as people are told of it.
func (c Class) String() string {
	if c.Pack == "" {
		return c.Name
	}
	return c.Name + " (" + c.Pack + ")"
}

// Traits lists what AtLeast may ask for, sorted.
func Traits() []string { return []string{"architecture", "compute", "kind", "memory", "name"} }

// CheckTrait says what is wrong with a trait of AtLeast; nil when nothing is.
func CheckTrait(name, value string) error {
	switch name {
	case "compute":
		if _, ok := version(value); !ok {
			return fmt.Errorf("compute is a version such as \"8.0\", not %q", value)
		}
	case "memory":
		if _, err := sdk.ParseBytes(value); err != nil {
			return err
		}
	case "architecture", "kind", "name":
		if value == "" {
			return fmt.Errorf("%s is empty", name)
		}
	default:
		return fmt.Errorf("devices have no trait %q; there are %s", name, strings.Join(Traits(), ", "))
	}
	return nil
}

// Misfit says why the device could never serve the request, however free it is; empty when it could.
func Misfit(d *Device, r *Request) string {
	if len(r.Only) > 0 && !Named(d, r.Only) {
		return "is not one of " + strings.Join(r.Only, ", ")
	}
	if Named(d, r.Forbid) {
		return "is forbidden"
	}
	if d.Memory < r.Memory {
		return fmt.Sprintf("has %s in all, not %s", sdk.FormatSize(d.Memory), sdk.FormatSize(r.Memory))
	}
	for _, trait := range Traits() { // in order, so that the answer is always the same
		if want, asked := r.AtLeast[trait]; asked && !has(d, trait, want) {
			return misses(d, trait, want)
		}
	}
	return ""
}

func has(d *Device, trait, want string) bool {
	switch trait {
	case "compute":
		have, ok := version(d.Compute)
		need, _ := version(want)
		return ok && slices.Compare(have, need) >= 0
	case "memory":
		need, err := sdk.ParseBytes(want)
		return err == nil && d.Memory >= need
	case "name":
		return contains(d.Name, want)
	case "kind":
		return strings.EqualFold(string(d.Kind), want)
	default:
		return strings.EqualFold(d.Architecture, want)
	}
}

func misses(d *Device, trait, want string) string {
	have := map[string]string{"compute": d.Compute, "memory": sdk.FormatSize(d.Memory), "name": d.Name, "kind": string(d.Kind), "architecture": d.Architecture}[trait]
	if have == "" {
		have = "none"
	}
	return fmt.Sprintf("has %s %s, not %s", trait, have, want)
}

// Named says whether one of the patterns means the device: its UUID, how that begins (six characters or more), or a part
// of its name.
func Named(d *Device, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == d.UUID || len(p) >= 6 && strings.HasPrefix(d.UUID, p) || contains(d.Name, p)
	})
}

func contains(text, part string) bool {
	return part != "" && strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// version reads "8.9" as 8, 9.
func version(s string) (parts []int, ok bool) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		parts = append(parts, n)
	}
	return parts, true
}

// Short is a UUID as people write it: its kind and the first characters.
func Short(uuid string) string {
	kind, rest, ok := strings.Cut(uuid, "-")
	if !ok || len(rest) <= 8 || kind != "GPU" && kind != "MIG" {
		return uuid
	}
	return kind + "-" + rest[:8]
}
