package reason

import (
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/fleet"
)

// lacking gives the model files that a task of the need needs and the agent does not have.
func lacking(g *fleet.Agent, n *fleet.Need) (out []string) {
	for _, name := range n.Task.Files {
		if g.Files != nil && !g.Files[name] {
			out = append(out, name)
		}
	}
	return out
}

// unable gives the node classes that a task of the need needs and the agent's engine does not have.
func unable(g *fleet.Agent, n *fleet.Need) (out []device.Class) {
	has := g.Classes[n.Task.Plugin]
	for _, c := range n.Task.Classes {
		if has != nil && !has[c.Name] {
			out = append(out, c)
		}
	}
	return out
}

// wanting names what the agent lacks for a task of the need: files, then classes.
func wanting(g *fleet.Agent, n *fleet.Need) string {
	text := strings.Join(lacking(g, n), ", ")
	if classes := unable(g, n); len(classes) > 0 {
		if text != "" {
			text += ", and "
		}
		text += verb(len(classes), "the node class ", "the node classes ") + listed(classes)
	}
	return text
}

// someClasses is how many classes a sentence names.
const someClasses = 5

func listed(classes []device.Class) string {
	var out []string
	for _, c := range classes[:min(len(classes), someClasses)] {
		out = append(out, c.String())
	}
	if more := len(classes) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// suits says whether the agent could serve the need if it had the model files and the node classes.
func suits(g *fleet.Agent, n *fleet.Need) bool {
	if g.Away != "" || !g.Can(&n.Task) {
		return false
	}
	fit := 0
	for _, x := range g.Spots {
		if x.Fits(n) && x.Unit.Usable() == "" {
			fit++
		}
	}
	return fit >= n.Task.Request.Count
}

// wouldServe gives the agents that could serve the need with more model files or node classes, those first that lack the least.
func wouldServe(f *fleet.Fleet, n *fleet.Need) (out []*fleet.Agent) {
	for _, g := range f.Agents {
		if !g.Stocks(n) && suits(g, n) {
			out = append(out, g)
		}
	}
	lacks := func(g *fleet.Agent) int { return len(lacking(g, n)) + len(unable(g, n)) }
	slices.SortStableFunc(out, func(a, c *fleet.Agent) int { return lacks(a) - lacks(c) })
	return out
}

// Shortages gives the model files that are lacking for the first of each line that no agent could serve with those that it has.
func Shortages(f *fleet.Fleet) (out []placement.Shortage) {
	for _, n := range f.Needs {
		if n.Waiting == 0 || len(n.Task.Files) == 0 || slices.ContainsFunc(f.Agents, func(g *fleet.Agent) bool { return g.Stocks(n) && suits(g, n) }) {
			continue
		}
		who := slices.DeleteFunc(wouldServe(f, n), func(g *fleet.Agent) bool { return len(unable(g, n)) > 0 })
		if len(who) > 0 {
			out = append(out, placement.Shortage{Agent: who[0].ID, Files: lacking(who[0], n)})
		}
	}
	return out
}

// missing says which agents lack model files or node classes for the need, and how they get them; empty: none does.
func missing(f *fleet.Fleet, n *fleet.Need) string {
	who := wouldServe(f, n)
	if len(who) == 0 {
		return ""
	}
	first := wanting(who[0], n)
	alike := slices.DeleteFunc(who, func(g *fleet.Agent) bool { return wanting(g, n) != first })
	return names(alike) + " " + verb(len(alike), "lacks ", "lack ") + first + "; " + remedy(alike[0], n)
}

// remedy says how the agent gets what it lacks.
func remedy(g *fleet.Agent, n *fleet.Need) string {
	for _, name := range lacking(g, n) {
		if !slices.Contains(g.Coming, name) {
			who := g.Label()
			if strings.Contains(who, " ") {
				who = g.ID
			}
			return "spinbot models fetch " + name + " --agent " + who + " brings it there"
		}
	}
	if classes := unable(g, n); len(classes) > 0 {
		return "install " + packs(classes) + " in the " + n.Task.Plugin + " of " + g.Label() + ", and start that anew"
	}
	return g.Label() + " fetches it now"
}

// packs names the node packs that have the classes.
func packs(classes []device.Class) string {
	var names []string
	for _, c := range classes {
		if c.Pack == "" { // one that is not known may be among several that are
			return verb(len(classes), "the node pack that has it", "the node packs that have them")
		}
		if !slices.Contains(names, c.Pack) {
			names = append(names, c.Pack)
		}
	}
	return verb(len(names), "the node pack ", "the node packs ") + strings.Join(names, ", ")
}
