package agents

import (
	"cmp"

	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/leader"
	"github.com/myspinbot/spinbot/host/internal/placer"
)

// Together is this host's part in placing with others that share its store.
func (f *Fleet) Together(policy placement.Policy) placer.Leader {
	f.leader = f.leads(leader.Config{Namespace: cmp.Or(f.cfg.Dial.Namespace, dial.DefaultNamespace), Host: f.id, Policy: policy,
		Came: func() { f.placer.Came() }, Running: f.held, Log: f.cfg.Log})
	f.tellAway()
	return f.leader
}

// tellAway tells who leads which agents people have taken out of use here. mu is held, or nobody else is there yet.
func (f *Fleet) tellAway() {
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
func (f *Fleet) held() lead.Running {
	out := lead.Running{}
	for _, m := range f.Link.Members() {
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

// Lead says who leads, as far as the store says.
func (f *Fleet) Lead(host string, term lead.Term) { f.leader.Lead(host, term) }
