package protocol

import (
	"fmt"
	"slices"
	"time"
)

// Hear takes in a result that stands in this host's stream as the entry.
func (h *Host) Hear(entry string, r Result) {
	s := h.tasks[r.ID]
	switch {
	case s == nil && h.peers[r.Agent].committed(r.ID):
		h.acts.Trim = append(h.acts.Trim, entry)
	case s == nil:
		if was, twice := h.early[r.ID]; twice {
			h.acts.Trim = append(h.acts.Trim, was.entry)
		}
		h.early[r.ID] = early{r, entry}
		h.ask(r.Agent, r.ID, "")
	case s.peer.id != r.Agent:
		h.drop(r.Agent, r.ID)
		h.acts.Trim = append(h.acts.Trim, entry)
	case s.ended: // the first counts
		s.entries = append(s.entries, entry)
	default:
		s.entries = append(s.entries, entry)
		h.end(s, r)
	}
}

// Beat takes in what an agent says of itself.
func (h *Host) Beat(b Beat, now time.Duration) {
	p := h.peer(b.Agent)
	change := Change{Agent: b.Agent, Status: b.Status, Session: b.Session}
	if p.offline {
		h.due = min(h.due, now+h.cfg.Lost)
	}
	p.session, p.heard, p.away, p.offline = b.Session, now, "", false
	switch {
	case !Understands(b.V):
		p.away = "incompatible"
	case b.Gone:
		p.away, p.offline = "shut down", true
	case b.Status != nil && b.Status.Draining:
		p.away = "draining"
	}
	change.Away, change.Offline = p.away, p.offline
	h.acts.Changed = append(h.acts.Changed, change)
	if !Understands(b.V) { // what it lists may mean something else
		h.lose(p, "its agent is of a version of spinbot that this host does not understand")
		return
	}
	h.compare(p, b)
}

// compare finds what an agent and this host do not agree about.
func (h *Host) compare(p *peer, b Beat) {
	holds := b.Held[h.cfg.ID]
	listed := make(map[string]bool, len(holds.Running)+len(holds.Done))
	for _, ids := range [][]string{holds.Running, holds.Done} {
		for _, id := range ids {
			listed[id] = true
			if s := h.tasks[id]; s == nil && p.committed(id) {
				h.drop(p.id, id) // once more: the first may be lost
			} else if s == nil {
				h.ask(p.id, id, "")
			} else if s.peer != p {
				h.drop(p.id, id)
			}
		}
	}
	for _, id := range holds.Running {
		if s := p.tasks[id]; s != nil && s.stop != nil && !s.ended {
			h.control(p, *s.stop) // the agent knows one that it has heard already
		}
	}
	var again []string
	for _, id := range holds.Done {
		if s := p.tasks[id]; s != nil && !s.ended {
			if s.late++; s.late >= missingMost {
				s.late, again = 0, append(again, id)
			}
		}
	}
	if again != nil {
		h.control(p, Control{Again: again})
	}
	p.gone, p.before = map[string]bool{}, p.gone
	others := h.adopt(p, b)
	for _, id := range sorted(p.tasks) {
		s := p.tasks[id]
		switch {
		case s.ended:
		case listed[id] || others[id]:
			s.missing, s.session = 0, b.Session
		case b.Gone:
			h.end(s, lost(s, "its agent shut down and did not hand it back"))
		default:
			h.missing(s, b.Session)
		}
	}
}

// missing deals with an attempt that its agent does not list.
func (h *Host) missing(s *sent, session string) {
	s.missing++
	known := s.session == session // the process that it was sent to lives
	switch {
	case s.session != "" && !known:
		h.end(s, lost(s, "its agent was restarted and knows nothing of it"))
	case s.missing < missingMost:
	case s.task.Body == nil || s.attached && s.session == "":
		h.end(s, lost(s, "its agent knows nothing of it"))
	default: // what was sent is gone, or was not sent: the process that should have it has never seen it
		s.missing = 0
		h.acts.Tasks = append(h.acts.Tasks, ToAgent[Task]{s.peer.id, s.task})
		if s.stop != nil {
			h.control(s.peer, *s.stop)
		}
	}
}

// Tick finds agents that have said nothing for too long. It gives when the next one may have: nobody has before, whatever is
// heard until then.
func (h *Host) Tick(now time.Duration) (due time.Duration) {
	if now < h.due { // often, and of very many
		return h.due
	}
	var silent []string
	h.due = now + h.cfg.Lost
	for id, p := range h.peers {
		switch at := p.heard + h.cfg.Lost; {
		case p.offline:
		case at <= now:
			silent = append(silent, id)
		default:
			h.due = min(h.due, at)
		}
	}
	slices.Sort(silent)
	for _, id := range silent {
		p := h.peers[id]
		h.away(p, fmt.Sprintf("offline: it has said nothing for %s", (now-p.heard).Round(time.Second)))
	}
	return h.due
}

func (h *Host) away(p *peer, why string) {
	p.away, p.offline = why, true
	h.acts.Changed = append(h.acts.Changed, Change{Agent: p.id, Away: why, Offline: true})
	h.lose(p, "its agent is "+why)
}

// lose ends whatever an agent was to carry out.
func (h *Host) lose(p *peer, why string) {
	for _, id := range sorted(p.tasks) {
		if s := p.tasks[id]; !s.ended {
			h.end(s, lost(s, why))
		}
	}
}
