package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// Member is an agent as it was heard last.
type Member struct {
	protocol.Hello
	Status  protocol.Status
	Away    string // why it gets no tasks, as what it is; empty: it gets some
	Offline bool   // it is not there
	Heard   time.Time
	Held    map[string]protocol.Holding // what it said then that it holds, by host
}

// tell has whoever follows told of an agent. mu is held.
func (h *Host) tell(agent string) {
	if !slices.Contains(h.changes, agent) {
		h.changes = append(h.changes, agent)
	}
	poke(h.changed)
}

func (h *Host) tellAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.changed:
		}
		h.mu.Lock()
		changes, later := h.changes, h.later
		h.changes, h.later = nil, nil
		h.mu.Unlock()
		for _, agent := range changes {
			if m, ok := h.renewed(ctx, agent); ok && ctx.Err() == nil {
				h.cfg.Changed(m)
			}
		}
		h.mu.Lock()
		h.give(later)
		h.mu.Unlock()
	}
}

// renewed gives an agent, with its hello as it is now.
func (h *Host) renewed(ctx context.Context, agent string) (Member, bool) {
	h.mu.Lock()
	stale := h.stale[agent]
	delete(h.stale, agent)
	h.mu.Unlock()
	if stale {
		var hello protocol.Hello
		raw, err := h.cfg.Client.HGet(ctx, h.keys.Agents(), agent).Bytes()
		if err == nil {
			err = json.Unmarshal(raw, &hello)
		}
		h.mu.Lock()
		if m := h.members[agent]; m != nil && err == nil {
			m.Hello = hello
		} else {
			h.stale[agent] = true // at its next beat
		}
		h.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.members[agent]
	if m == nil || m.Agent == "" { // nobody knows yet what it is
		return Member{}, false
	}
	return *m, true
}

// Members lists the agents that are known, by name.
func (h *Host) Members() []Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Member
	for _, m := range h.members {
		if m.Agent != "" {
			out = append(out, *m)
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Agent, b.Agent)) })
	return out
}

// Tasks lists the attempts that an agent is to carry out.
func (h *Host) Tasks(agent string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end.Tasks(agent)
}

// Order tells an agent what a person wants of it.
func (h *Host) Order(agent string, o protocol.Order) {
	add := entry(h.keys.Control(agent), kindControl, protocol.Control{Order: &o})
	h.out.Put(func(ctx context.Context, p redis.Pipeliner) { p.XAdd(ctx, add) })
}

// Dead says for which hosts that share the journal this one answers, since they have died: what agents hold for them and is
// not under way any more, they forget.
func (h *Host) Dead(hosts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Dead(hosts)
}

// Remove forgets an agent that will not come back, with all that waits for it.
func (h *Host) Remove(agent string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end.Remove(agent)
	h.act()
	delete(h.members, agent)
	h.out.Put(func(ctx context.Context, p redis.Pipeliner) {
		p.HDel(ctx, h.keys.Agents(), agent)
		p.Del(ctx, h.keys.Tasks(agent), h.keys.Control(agent), h.keys.Session(agent))
	})
}
