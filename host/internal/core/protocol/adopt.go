package protocol

import "slices"

// adopt has an agent turn to this host with attempts that it holds for another one, whose runs this one goes on with. It gives
// what is held for others. Only what was attached is adopted: of what this host sent itself, somebody else waits for by now.
func (h *Host) adopt(p *peer, b Beat) map[string]bool {
	others := map[string]bool{}
	var adopt []string
	for _, host := range sorted(b.Held) {
		if host == h.cfg.ID {
			continue
		}
		for _, ids := range [][]string{b.Held[host].Running, b.Held[host].Done} {
			for _, id := range ids {
				s := p.tasks[id]
				if s == nil && slices.Contains(h.dead, host) {
					h.ask(p.id, id, host)
				}
				if s == nil || s.ended {
					continue
				}
				if others[id] = true; s.attached {
					adopt = append(adopt, id)
				}
			}
		}
	}
	if adopt != nil {
		h.control(p, Control{Adopt: adopt, Host: h.cfg.ID})
	}
	return others
}

// Dead says for which hosts this one answers, since they do not any more: what agents hold for them is looked up, and dropped
// where it is not wanted. It is one of several hosts with one journal, and each dead host is left to one that lives.
func (h *Host) Dead(hosts []string) { h.dead = hosts }

// Release says that another host waits for an attempt from now on: what this one has of it is nobody's, and its agent is not
// told to forget it.
func (h *Host) Release(id string) {
	if s := h.tasks[id]; s != nil {
		delete(h.tasks, id)
		delete(s.peer.tasks, id)
		h.acts.Trim = append(h.acts.Trim, s.entries...)
	}
}
