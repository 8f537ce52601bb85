package placement

import (
	"fmt"
	"strings"
)

// predicate is what is true of agents, said of one and of several.
type predicate struct{ one, many string }

// whyNobody says why no agent takes a task that needs no device.
func (b *Book) whyNobody(l *line) string {
	var offer []*agent
	var whys []predicate // in the order in which they come up
	of := map[predicate][]*agent{}
	for _, g := range b.fleet {
		if !g.offers(l.task.offer()) {
			continue
		}
		why := g.declines(l)
		if why.one == "" {
			return "it is about to begin on " + g.label()
		}
		if of[why] == nil {
			whys = append(whys, why)
		}
		offer, of[why] = append(offer, g), append(of[why], g)
	}
	if len(offer) == 0 {
		return "no agent offers " + l.task.offer()
	}
	if len(whys) == 1 {
		return whys[0].ofAll(offer, l.task.offer())
	}
	parts := make([]string, len(whys))
	for k, why := range whys {
		parts[k] = names(of[why]) + " " + verb(len(of[why]), why.one, why.many)
	}
	return fmt.Sprintf("%s offer %s: %s", counted(len(offer), "agent"), l.task.offer(), strings.Join(parts, "; "))
}

// ofAll is the sentence when the same is true of all agents that offer a node type.
func (p predicate) ofAll(offer []*agent, nodeType string) string {
	who := []string{"", "it", "both", "all"}[min(len(offer), 3)]
	switch {
	case offer[0].Away != "":
		return fmt.Sprintf("%s, which %s it, %s", names(offer), verb(len(offer), "offers", "offer"), verb(len(offer), p.one, p.many))
	case len(offer) == 1:
		return fmt.Sprintf("%s offers %s; %s %s", names(offer), nodeType, who, p.one)
	}
	return fmt.Sprintf("%s offer %s; %s %s", names(offer), nodeType, who, p.many)
}

// declines says why the agent takes no task of the line now; empty: it does.
func (g *agent) declines(l *line) predicate {
	pr := g.process(Process(l.task.Plugin, nil))
	switch short := g.short(l); {
	case g.Away != "":
		return predicate{"is " + g.Away, "are " + g.Away}
	case !g.stocks(l):
		n := strings.Join(g.lacking(l), ", ")
		return predicate{"lacks " + n, "lack " + n}
	case g.tasks >= g.most():
		n := counted(g.tasks, "task")
		return predicate{"runs " + n + " already", "run " + n + " already"}
	case pr.saturated():
		n := fmt.Sprintf("%s of %s at once, and ", counted(pr.limit, "task"), l.task.Plugin)
		return predicate{"takes " + n + "has as many", "take " + n + "have as many"}
	case l.avoid[g]:
		return predicate{"refused it, and has said nothing since", "refused it, and have said nothing since"}
	case short != "":
		return predicate{"has too little: it " + short, "have too little: it " + short}
	}
	return predicate{}
}

// names lists agents: up to three of them.
func names(agents []*agent) string {
	var out []string
	for _, g := range agents[:min(len(agents), 3)] {
		out = append(out, g.label())
	}
	if more := len(agents) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " and " + out[last]
	}
	return out[0]
}
