package placer

import "time"

// Figures count the attempts of this host that want devices.
type Figures struct {
	Waiting, Held int
	// Oldest is how long the attempt waits that came first, Longest how long the one has its devices that got them first; 0: none.
	Oldest, Longest time.Duration
}

// Figures counts them as they are now.
func (p *Placer) Figures() (f Figures) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	for _, w := range p.wants {
		if w.since.IsZero() {
			f.Waiting++
			f.Oldest = max(f.Oldest, now.Sub(w.task.Since))
		} else {
			f.Held++
			f.Longest = max(f.Longest, now.Sub(w.since))
		}
	}
	return f
}
