// Package reason says, in sentences with numbers, why a task is not placed, and what would help.
package reason

import (
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
	"github.com/myspinbot/spinbot/sdk"
)

// Waits says why the first task of a need waits.
func Waits(f *fleet.Fleet, n *fleet.Need, now time.Time) placement.Reason {
	t := &n.Task
	if t.Request.Count == 0 {
		text := whyNobody(f, n)
		if lacks := wouldServe(f, n); len(lacks) > 0 {
			text += "; " + remedy(lacks[0], n)
		}
		return placement.Reason{Text: text}
	}
	if k := n.BestBy; k != nil && k.Running > 0 {
		return placement.Reason{Starts: k.Ends, Text: fmt.Sprintf("%s has %s loaded and is free in about %s; loading it elsewhere takes %s",
			name(f, k.Spots[0]), t.Model, about(k.Ends.Sub(now)), about(n.Task.Loading()))}
	}
	if len(n.Spots) > 0 {
		at := f.Ready(n.Spots[0], n)
		return placement.Reason{Starts: at, Text: fmt.Sprintf("%s is kept for it, since it was passed over %d times; %s", name(f, n.Spots[0]), placement.MaxBypassed, lacks(f, n.Spots[0], n))}
	}
	x := nearest(f, n)
	missing := missing(f, n)
	switch {
	case x == nil && missing != "":
		return placement.Reason{Text: missing}
	case x == nil:
		return placement.Reason{Text: unusable(f, n)}
	case missing != "":
		missing = "; " + missing
	}
	r := placement.Reason{Text: lacks(f, x, n) + missing}
	if n := t.Request.Count; n > 1 {
		r.Text = fmt.Sprintf("needs %d devices of one agent at once; %s", n, r.Text)
	}
	if at := f.Ready(x, n); at.After(now) {
		r.Starts = at
	}
	return r
}

// nearest gives the device on which a task of the need could begin first.
func nearest(f *fleet.Fleet, n *fleet.Need) *fleet.Spot {
	var best *fleet.Spot
	var at time.Time
	for _, g := range f.Agents {
		for _, x := range g.Spots {
			if g.Away != "" || x.Unit.Usable() != "" || !x.Serves(n) {
				continue
			}
			ready := f.Ready(x, n)
			if x.Reserved != nil && x.Reserved != n {
				ready = ready.Add(n.Task.Loading() + placement.DefaultLasts)
			}
			if best == nil || ready.Before(at) {
				best, at = x, ready
			}
		}
	}
	return best
}

// lacks says what a device has too little of for a task of the need.
func lacks(f *fleet.Fleet, x *fleet.Spot, n *fleet.Need) string {
	r := &n.Task.Request
	name := name(f, x)
	needs := "needs " + sdk.FormatSize(r.Memory)
	if r.Exclusive {
		needs = "needs a device of its own"
	}
	switch leases := x.Unit.Leases(); {
	case x.Reserved != nil && x.Reserved != n:
		return fmt.Sprintf("%s; %s is kept for another task, which was passed over too often", needs, name)
	case len(leases) > 0 && leases[0].Exclusive, len(leases) > 0 && r.Exclusive:
		return fmt.Sprintf("%s; %s is used by %s", needs, name, holders(leases))
	case x.Process(n.Plugin).Saturated():
		return fmt.Sprintf("%s on %s takes %s at once, and has as many: %s", n.Task.Plugin, name, placement.Counted(x.Process(n.Plugin).Limit, "task"), holders(leases))
	case x.Unit.Needs(r.Memory, x.Process(n.Plugin).ID(n)) > x.Both+x.Unit.Excess(x.Process(n.Plugin).ID(n)):
		text := fmt.Sprintf("%s; %s has %s free", needs, name, sdk.FormatSize(max(0, x.Both)))
		if len(leases) > 0 {
			return text + ", the rest is held by " + holders(leases)
		}
		return text + ", the rest is used by programs that are not ours"
	}
	if why := x.Agent.Short(n); why != "" {
		return x.Agent.Label() + ": " + why
	}
	if n.Avoid[x.Agent] {
		return needs + "; " + name + " refused it, and has said nothing since"
	}
	return "it is about to begin on " + name
}

// holders names who holds a device, and until when.
func holders(leases []*device.Lease) string {
	var parts []string
	for _, l := range leases[:min(len(leases), 3)] {
		text := l.ID
		if !l.Ends.IsZero() {
			text += " until about " + l.Ends.Format("15:04:05")
		}
		parts = append(parts, text)
	}
	if more := len(leases) - 3; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

// unusable says why none of the devices that could serve the need is in use.
func unusable(f *fleet.Fleet, n *fleet.Need) string {
	var parts []string
	for _, g := range f.Agents {
		for _, x := range g.Spots {
			if !x.Serves(n) {
				continue
			}
			why := x.Unit.Usable()
			if g.Away != "" {
				why = "is not to be had: " + g.Label() + " is " + g.Away
			}
			if why != "" && len(parts) < 3 {
				parts = append(parts, name(f, x)+" "+why)
			}
		}
	}
	return "every device that could serve it is out of use: " + strings.Join(parts, "; ")
}

// Never says why no agent that is known could ever carry out a task, offline ones included; empty when one could.
func Never(f *fleet.Fleet, t *placement.Task) string {
	var parts []string
	offered := false
	for _, g := range f.Agents {
		if !g.Can(t) {
			continue
		}
		offered = true
		if why := g.Table.Exceeds(&t.Request); why != "" {
			parts = append(parts, g.Label()+" "+why)
			continue
		}
		fit := 0
		for _, x := range g.Spots {
			why := g.Misfit(&x.Unit.Device, t)
			if why == "" && x.Unit.Memory-g.Table.Reserve < t.Request.Memory {
				why = fmt.Sprintf("has %s for tasks, not %s", sdk.FormatSize(x.Unit.Memory-g.Table.Reserve), sdk.FormatSize(t.Request.Memory))
			}
			if why == "" {
				fit++
			} else if len(parts) < 3 {
				parts = append(parts, name(f, x)+" "+why)
			}
		}
		if fit >= t.Request.Count {
			return ""
		}
		if fit > 0 {
			parts = append(parts, fmt.Sprintf("%s has %s that would do, not %d", g.Label(), placement.Counted(fit, "device"), t.Request.Count))
		}
	}
	switch {
	case !offered && (len(f.Agents) > 0 || t.Request.Count == 0):
		return "no agent offers " + t.Offered()
	case len(parts) > 0 && t.Request.Count == 0:
		return "no agent could ever carry it out: " + strings.Join(parts[:min(len(parts), 3)], "; ")
	case len(parts) == 0:
		return "needs " + placement.Counted(t.Request.Count, "device") + ", and there is none"
	}
	return "no device could ever serve it: " + strings.Join(parts, "; ")
}

// name is how people call a device.
func name(f *fleet.Fleet, x *fleet.Spot) string {
	text := device.Short(x.Unit.UUID)
	if len(f.Agents) > 1 {
		text += " on " + x.Agent.Label()
	}
	return text
}

// Behind is the reason of a task that others like it go before, when why is that of the first.
func Behind(ahead int, why string) string {
	return fmt.Sprintf("%s like it %s first; that one: %s", placement.Counted(ahead, "task"), verb(ahead, "goes", "go"), why)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// about rounds a duration for people.
func about(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// Largest is the most memory that any known device which could serve the task has to give, in bytes.
func Largest(f *fleet.Fleet, t *placement.Task) (most int64) {
	for _, g := range f.Agents {
		for _, x := range g.Spots {
			if g.Can(t) && g.Misfit(&x.Unit.Device, t) == "" {
				most = max(most, x.Unit.Memory-g.Table.Reserve-x.Unit.Foreign())
			}
		}
	}
	return most
}

// Serving counts the devices that could serve a need.
func Serving(f *fleet.Fleet, n *fleet.Need) (count int) {
	for _, c := range f.Classes {
		for _, x := range c.Spots {
			if x.Serves(n) {
				count++
			}
		}
	}
	return count
}
