package sim

import "github.com/myspinbot/spinbot/host/internal/core/placement"

// Rule is how somebody places tasks.
type Rule struct {
	Name   string
	Policy placement.Policy
	// Alone: a device has one task at a time.
	Alone bool
	// Source says whose rule it is and where it is written down, and what is left out here.
	Source string
}

// Rules are those that are compared. Those of other systems are told in the terms of this one, as near as those come.
func Rules() []Rule {
	return []Rule{
		{Name: "ours", Source: "docs/placement.md"},
		{Name: "first-come", Policy: placement.Policy{Order: placement.FirstCome}, Source: "one queue; nobody passes the first"},
		{Name: "least-loaded", Policy: placement.Policy{Order: placement.Backfill, Affinity: placement.LeastLoaded}, Source: "the device with the most free memory; who does not fit is passed"},
		{Name: "affinity-only", Policy: placement.Policy{Order: placement.Backfill, Affinity: placement.OnlyWarm}, Source: "where the model is loaded, however long that takes"},
		{Name: "comfyui", Policy: placement.Policy{Order: placement.FirstCome}, Alone: true,
			Source: "ComfyUI, execution.py and main.py: one queue in order of coming, one prompt at a time, models that were not used lately are unloaded; several devices share the queue here"},
		{Name: "ollama", Policy: placement.Policy{Order: placement.FirstCome},
			Source: "Ollama, server/sched.go: one queue, a loaded model first, else an idle one is unloaded, and who needs that holds up the queue"},
		{Name: "nomad", Policy: placement.Policy{Order: placement.Backfill, Affinity: placement.Packed},
			Source: "Nomad, scheduler/rank.go: bin packing by memory, blind to models; what does not fit is tried again"},
		{Name: "slurm", Policy: placement.Policy{Order: placement.Backfill, Affinity: placement.Packed}, Alone: true,
			Source: "Slurm, sched/backfill and GRES: whole devices, later jobs fill the gaps; that they may not delay the first is left out"},
	}
}
