package placement

import (
	"slices"
	"strings"
)

// stocks says whether the agent has the model files that a task of the line needs, as far as it tells.
func (g *agent) stocks(l *line) bool {
	if g.Files == nil {
		return true
	}
	for _, name := range l.task.Files {
		if !g.Files[name] {
			return false
		}
	}
	return true
}

// lacking gives the model files that a task of the line needs and the agent does not have.
func (g *agent) lacking(l *line) (out []string) {
	for _, name := range l.task.Files {
		if g.Files != nil && !g.Files[name] {
			out = append(out, name)
		}
	}
	return out
}

// suits says whether the agent could serve the line if it had the model files.
func (g *agent) suits(l *line) bool {
	if g.Away != "" || !g.offers(l.task.offer()) {
		return false
	}
	fit := 0
	for _, x := range g.spots {
		if x.fits(l) && x.unit.Usable() == "" {
			fit++
		}
	}
	return fit >= l.task.Request.Count
}

// wouldServe gives the agents that could serve the line with more model files, those first that lack the least.
func (b *Book) wouldServe(l *line) (out []*agent) {
	for _, g := range b.fleet {
		if !g.stocks(l) && g.suits(l) {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, func(a, c *agent) int { return len(a.lacking(l)) - len(c.lacking(l)) })
	return out
}

// missing says which agents lack model files for the line, and how they get them; empty: none does.
func (b *Book) missing(l *line) string {
	who := b.wouldServe(l)
	if len(who) == 0 {
		return ""
	}
	first := who[0].lacking(l)
	alike := slices.DeleteFunc(who, func(g *agent) bool { return !slices.Equal(g.lacking(l), first) })
	return names(alike) + " " + verb(len(alike), "lacks ", "lack ") + strings.Join(first, ", ") + "; " + alike[0].remedy(l)
}

// remedy says how the agent gets what it lacks.
func (g *agent) remedy(l *line) string {
	for _, name := range g.lacking(l) {
		if !slices.Contains(g.Coming, name) {
			who := g.label()
			if strings.Contains(who, " ") {
				who = g.ID
			}
			return "spinbot models fetch " + name + " --agent " + who + " brings it there"
		}
	}
	return g.label() + " fetches it now"
}

// Shortage is model files that an agent lacks for a task that waits for nothing else there.
type Shortage struct {
	Agent string
	Files []string
}

// Shortages gives what is lacking for the first of each line that no agent could serve with the files that it has.
func (b *Book) Shortages() (out []Shortage) {
	for _, l := range b.lines {
		if l.size == 0 || len(l.task.Files) == 0 || slices.ContainsFunc(b.fleet, func(g *agent) bool { return g.stocks(l) && g.suits(l) }) {
			continue
		}
		if who := b.wouldServe(l); len(who) > 0 {
			out = append(out, Shortage{who[0].ID, who[0].lacking(l)})
		}
	}
	return out
}
