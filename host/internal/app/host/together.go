package host

import (
	"cmp"
	"context"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/leader"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// together is this host's part in placing with others; nil: it is alone, or has no fleet, and places by itself.
func (h *Host) together(policy placement.Policy) placer.Leader {
	if h.sharing == nil || h.fleet == nil {
		return nil
	}
	f := h.fleet
	f.leader = f.leads(leader.Config{Namespace: cmp.Or(f.cfg.Dial.Namespace, dial.DefaultNamespace), Host: f.id, Policy: policy,
		Came: func() { h.placer.Came() }, Running: f.held, Log: h.cfg.Log})
	f.tellAway()
	return f.leader
}

// tellAway tells who leads which agents people have taken out of use here. mu is held, or nobody else is there yet.
func (f *fleetHost) tellAway() {
	if f.leader == nil {
		return
	}
	away := map[string]string{}
	for agent, why := range f.kept.Cordoned {
		away[agent] = cordoned(why)
	}
	f.leader.Away(away)
}

func cordoned(why string) string { return "cordoned: " + why }

// held says what agents work on, as they said last.
func (f *fleetHost) held() lead.Running {
	out := lead.Running{}
	for _, m := range f.link.Members() {
		if m.Offline {
			continue // what it said last is long over
		}
		by := map[string][]string{}
		for host, holding := range m.Held {
			by[host] = holding.Running
		}
		out[m.Agent] = by
	}
	return out
}

// tellLeader says who leads, since which epoch, as the store has said at a time, and which hosts live. Dead are not looked for while
// this host may be wrong about them.
func (h *Host) tellLeader(ctx context.Context, leads bool, epoch int64, said time.Time, dead []string, silent time.Duration) error {
	if h.fleet == nil {
		return nil
	}
	living, who, err := h.sharing.hosts.Living(ctx, silent)
	if err != nil {
		return err
	}
	term := lead.Term{Epoch: epoch, Living: living, Dead: dead}
	if leads {
		who, term.Until = h.sharing.id, said.Add(store.LeadFor)
	}
	h.fleet.leader.Lead(who, term)
	return nil
}
