package host

// gauges offers what is counted elsewhere to whoever collects metrics.
func (h *Host) gauges() {
	h.metrics.Gauge("runs_active", "Runs that this host advances now.", func() float64 { return float64(h.engine.Live()) })
	h.metrics.Gauge("websockets", "WebSockets that are connected.", func() float64 { return float64(h.api.Sockets()) })
	h.metrics.Gauge("disk_low", "1 while a disk of the state directory is too full for new work to begin.", func() float64 {
		if h.room.Reason() != "" {
			return 1
		}
		return 0
	})
	if s := h.sharing; s != nil {
		h.metrics.Gauge("host_leads", "1 while this host is the one that leads of those that share its store.", func() float64 {
			if s.leads.Load() {
				return 1
			}
			return 0
		})
	}
	if f := h.fleet; f != nil {
		h.metrics.Gauge("redis_up", "1 while the Redis of the fleet answers.", func() float64 {
			if f.link.Trouble() != nil {
				return 0
			}
			return 1
		})
		h.metrics.Gauge("agents_ready", "Agents that get tasks.", func() (n float64) {
			for _, m := range f.link.Members() {
				if m.Away == "" {
					n++
				}
			}
			return n
		})
		h.metrics.Gauge("fleet_unsent", "Messages to agents that Redis has not confirmed.", func() float64 { return float64(f.link.Unsent()) })
	}
	h.metrics.Counter("journal_commits_total", "Transactions of the journal.", func() float64 { return float64(h.store.Commits()) })
}
