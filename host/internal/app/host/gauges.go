package host

import (
	"math"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// gauges offers what is counted elsewhere to whoever collects metrics.
func (h *Host) gauges() {
	h.metrics.Gauge("runs_active", "Runs that this host advances now.", func() float64 { return float64(h.engine.Live()) })
	h.metrics.Gauge("queue_runs", "Runs that wait for their turn.", func() float64 {
		n, _ := h.engine.Oldest()
		return float64(n)
	})
	h.metrics.Gauge("queue_oldest_seconds", "Age of the oldest run that waits for its turn; 0: none waits.", func() float64 {
		_, made := h.engine.Oldest()
		if made.IsZero() {
			return 0
		}
		return time.Since(made).Seconds()
	})
	h.metrics.Gauge("tasks_waiting", "Tasks of this host's runs that wait for devices.", func() float64 { return float64(h.placing.Figures().Waiting) })
	h.metrics.Gauge("tasks_waiting_oldest_seconds", "How long the one waits that came first; 0: none waits.", func() float64 { return h.placing.Figures().Oldest.Seconds() })
	h.metrics.Gauge("leases", "Tasks of this host's runs that hold devices.", func() float64 { return float64(h.placing.Figures().Held) })
	h.metrics.Gauge("lease_oldest_seconds", "How long the one holds them that got them first; 0: none does.", func() float64 { return h.placing.Figures().Longest.Seconds() })
	h.metrics.Gauge("disk_free_bytes", "What is free on the disk of the state directory.", func() float64 {
		s, err := artifacts.SpaceOf(h.cfg.State.Dir)
		if err != nil {
			return math.NaN()
		}
		return float64(s.Free)
	})
	h.metrics.Gauge("websockets", "WebSockets that are connected.", func() float64 { return float64(h.api.Sockets()) })
	h.metrics.Gauge("sandboxes_idle", "Sandboxes of control nodes that are kept for the next task.", func() float64 {
		n, _ := h.wasm.Idle()
		return float64(n)
	})
	h.metrics.Gauge("sandboxes_idle_bytes", "What they hold of the host's memory.", func() float64 {
		_, bytes := h.wasm.Idle()
		return float64(bytes)
	})
	h.metrics.Gauge("disk_low", "1 while a disk of the state directory is too full for new work to begin.", func() float64 {
		if h.room.Reason() != "" {
			return 1
		}
		return 0
	})
	if s := h.sharing; s != nil {
		h.metrics.Gauge("host_leads", "1 while this host is the one that leads of those that share its store.", func() float64 {
			if s.Leads() {
				return 1
			}
			return 0
		})
	}
	if f := h.fleet; f != nil {
		h.metrics.Gauge("redis_up", "1 while the Redis of the fleet answers.", func() float64 {
			if f.Link.Trouble() != nil {
				return 0
			}
			return 1
		})
		h.metrics.Gauge("agents_ready", "Agents that get tasks.", func() (n float64) {
			for _, m := range f.Link.Members() {
				if m.Away == "" {
					n++
				}
			}
			return n
		})
		h.metrics.Gauge("agents_offline", "Agents of the fleet that have not said anything for 15 seconds.", func() (n float64) {
			for _, m := range f.Link.Members() {
				if m.Offline {
					n++
				}
			}
			return n
		})
		h.metrics.Gauge("fleet_unsent", "Messages to agents that Redis has not confirmed.", func() float64 { return float64(f.Link.Unsent()) })
	}
	if s := h.search; s != nil {
		h.metrics.Gauge("search_described", "Files whose meaning is known to the search.", func() float64 { return float64(s.Search.State().Vectors) })
		h.metrics.Gauge("search_pending", "Files whose meaning is not known yet.", func() float64 {
			d := s.Search.State()
			return float64(d.Files - d.Vectors - d.Failed)
		})
		h.metrics.Gauge("search_undescribable", "Files of which the model makes no vector.", func() float64 { return float64(s.Search.State().Failed) })
		h.metrics.Counter("search_failures_total", "Times that files could not be described.", func() float64 { return float64(s.Search.State().Failures) })
	}
	h.metrics.Counter("journal_commits_total", "Transactions of the journal.", func() float64 { return float64(h.store.Commits()) })
}
