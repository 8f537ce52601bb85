package host

// setActive says whether this process advances a run.
func (h *Host) setActive(run string, on bool) {
	defer h.versions.changed(run)
	h.silence.forget(run)
	h.mu.Lock()
	defer h.mu.Unlock()
	if on {
		h.active[run] = true
		h.collector.begin()
	} else {
		delete(h.active, run)
	}
}

func (h *Host) isActive(run string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active[run]
}

func (h *Host) anyActive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.active) > 0
}
