package reason

import (
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// predicate is what is true of agents, said of one and of several.
type predicate struct{ one, many string }

// whyNobody says why no agent takes a task that needs no device.
func whyNobody(f *fleet.Fleet, n *fleet.Need) string {
	var offer []*fleet.Agent
	var whys []predicate // in the order in which they come up
	of := map[predicate][]*fleet.Agent{}
	for _, g := range f.Agents {
		if !g.Can(&n.Task) {
			continue
		}
		why := declines(g, n)
		if why.one == "" {
			return "it is about to begin on " + g.Label()
		}
		if of[why] == nil {
			whys = append(whys, why)
		}
		offer, of[why] = append(offer, g), append(of[why], g)
	}
	if len(offer) == 0 {
		return "no agent offers " + n.Task.Offered()
	}
	if len(whys) == 1 {
		return whys[0].ofAll(offer, n.Task.Offered())
	}
	parts := make([]string, len(whys))
	for k, why := range whys {
		parts[k] = names(of[why]) + " " + verb(len(of[why]), why.one, why.many)
	}
	return fmt.Sprintf("%s offer %s: %s", placement.Counted(len(offer), "agent"), n.Task.Offered(), strings.Join(parts, "; "))
}

// ofAll is the sentence when the same is true of all agents that offer a node type.
func (p predicate) ofAll(offer []*fleet.Agent, nodeType string) string {
	who := []string{"", "it", "both", "all"}[min(len(offer), 3)]
	switch {
	case offer[0].Away != "":
		return fmt.Sprintf("%s, which %s it, %s", names(offer), verb(len(offer), "offers", "offer"), verb(len(offer), p.one, p.many))
	case len(offer) == 1:
		return fmt.Sprintf("%s offers %s; %s %s", names(offer), nodeType, who, p.one)
	}
	return fmt.Sprintf("%s offer %s; %s %s", names(offer), nodeType, who, p.many)
}

// declines says why the agent takes no task of the need now; empty: it does.
func declines(g *fleet.Agent, n *fleet.Need) predicate {
	pr := g.Process(placement.Process(n.Task.Plugin, nil))
	switch short := g.Short(n); {
	case g.Away != "":
		return predicate{"is " + g.Away, "are " + g.Away}
	case !g.Stocks(n):
		n := wanting(g, n)
		return predicate{"lacks " + n, "lack " + n}
	case g.Running >= g.Most():
		n := placement.Counted(g.Running, "task")
		return predicate{"runs " + n + " already", "run " + n + " already"}
	case pr.Saturated():
		n := fmt.Sprintf("%s of %s at once, and ", placement.Counted(pr.Limit, "task"), n.Task.Plugin)
		return predicate{"takes " + n + "has as many", "take " + n + "have as many"}
	case n.Avoid[g]:
		return predicate{"refused it, and has said nothing since", "refused it, and have said nothing since"}
	case short != "":
		return predicate{"has too little: it " + short, "have too little: it " + short}
	}
	return predicate{}
}

// names lists agents: up to three of them.
func names(agents []*fleet.Agent) string {
	var out []string
	for _, g := range agents[:min(len(agents), 3)] {
		out = append(out, g.Label())
	}
	if more := len(agents) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " and " + out[last]
	}
	return out[0]
}
