// Package graph is a directed graph over names: who needs whom. It finds cycles, an order in which everything comes
// after what it needs, the layers of that order, and what is ready; render.go draws it. Names keep the order in which
// they were added, so that every answer is stable. It knows nothing of nodes, runs or files.
package graph

import "slices"

// Graph holds names and which name needs which. The zero value is not usable; see New.
type Graph struct {
	title  string
	points []point
	index  map[string]int
	edges  map[[2]int]bool
}

type point struct {
	name, label, note string
	needs, dependents []int
}

// New makes an empty graph; the title stands above its drawings and may be empty.
func New(title string) *Graph {
	return &Graph{title: title, index: map[string]int{}, edges: map[[2]int]bool{}}
}

// Add puts a name into the graph. Label is what it is (a node type), note what is special about it ("for each");
// both are only drawn. A name that is already there gets the new label and note.
func (g *Graph) Add(name, label, note string) {
	p := &g.points[g.at(name)]
	p.label, p.note = label, note
}

// Need records that name needs other first. Names not yet there are added; saying it twice changes nothing.
func (g *Graph) Need(name, other string) {
	a, b := g.at(name), g.at(other)
	if g.edges[[2]int{a, b}] {
		return
	}
	g.edges[[2]int{a, b}] = true
	g.points[a].needs = append(g.points[a].needs, b)
	g.points[b].dependents = append(g.points[b].dependents, a)
}

func (g *Graph) at(name string) int {
	i, ok := g.index[name]
	if !ok {
		i = len(g.points)
		g.index[name] = i
		g.points = append(g.points, point{name: name})
	}
	return i
}

// Has says whether the name is in the graph.
func (g *Graph) Has(name string) bool { _, ok := g.index[name]; return ok }

// Len is how many names there are.
func (g *Graph) Len() int { return len(g.points) }

// Names lists all names in the order in which they were added.
func (g *Graph) Names() []string {
	names := make([]string, len(g.points))
	for i := range g.points {
		names[i] = g.points[i].name
	}
	return names
}

// Needs lists what the name needs directly; none when the name is unknown.
func (g *Graph) Needs(name string) []string {
	if i, ok := g.index[name]; ok {
		return g.named(g.points[i].needs)
	}
	return nil
}

// Dependents lists who needs the name directly; none when the name is unknown.
func (g *Graph) Dependents(name string) []string {
	if i, ok := g.index[name]; ok {
		return g.named(g.points[i].dependents)
	}
	return nil
}

func (g *Graph) named(at []int) []string {
	at = slices.Sorted(slices.Values(at))
	names := make([]string, len(at))
	for i, p := range at {
		names[i] = g.points[p].name
	}
	return names
}

// Ready lists the names that are not done and need nothing that is not done.
func (g *Graph) Ready(done func(name string) bool) []string {
	var ready []string
	for i := range g.points {
		p := &g.points[i]
		if !done(p.name) && !slices.ContainsFunc(p.needs, func(n int) bool { return !done(g.points[n].name) }) {
			ready = append(ready, p.name)
		}
	}
	return ready
}

// Order lists the names so that each comes after all that it needs, otherwise in the order of their adding within a
// layer. ok is false when there are cycles; the names on them, and those that need them, are then left out.
func (g *Graph) Order() (names []string, ok bool) {
	for _, layer := range g.Layers() {
		names = append(names, layer...)
	}
	return names, len(names) == len(g.points)
}

// Layers groups the names: the first layer needs nothing, each next one only what stands in layers before it. Names on
// cycles, and those that need them, are left out.
func (g *Graph) Layers() [][]string {
	var layers [][]string
	for _, layer := range g.layers() {
		layers = append(layers, g.named(layer))
	}
	return layers
}

func (g *Graph) layers() [][]int {
	open := make([]int, len(g.points))
	var layer []int
	for i := range g.points {
		if open[i] = len(g.points[i].needs); open[i] == 0 {
			layer = append(layer, i)
		}
	}
	var layers [][]int
	for len(layer) > 0 {
		layers = append(layers, layer)
		var next []int
		for _, i := range layer {
			for _, d := range g.points[i].dependents {
				if open[d]--; open[d] == 0 {
					next = append(next, d)
				}
			}
		}
		slices.Sort(next)
		layer = next
	}
	return layers
}
