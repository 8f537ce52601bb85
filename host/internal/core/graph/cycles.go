package graph

import "slices"

// Cycles gives one shortest cycle for every knot of names that need each other, as the path a, b, a: a needs b needs
// a. None when the graph can be ordered.
func (g *Graph) Cycles() [][]string {
	var cycles [][]string
	for _, knot := range g.knots() {
		path := g.shortest(knot)
		names := make([]string, len(path))
		for i, p := range path {
			names[i] = g.points[p].name
		}
		cycles = append(cycles, names)
	}
	return cycles
}

// knots finds the strongly connected components that hold a cycle (Tarjan's algorithm with its own stack, so that a
// chain of any length is safe), each sorted, ordered by their first name.
func (g *Graph) knots() [][]int {
	n := len(g.points)
	t := tarjan{g: g, seen: make([]int, n), low: make([]int, n), on: make([]bool, n)}
	for i := range n {
		if t.seen[i] == 0 {
			t.walk(i)
		}
	}
	slices.SortFunc(t.found, func(a, b []int) int { return a[0] - b[0] })
	return t.found
}

type tarjan struct {
	g         *Graph
	count     int
	seen, low []int // seen counts from 1; 0 is not yet
	on        []bool
	stack     []int
	found     [][]int
}

type frame struct{ at, next int }

func (t *tarjan) enter(i int) frame {
	t.count++
	t.seen[i], t.low[i], t.on[i] = t.count, t.count, true
	t.stack = append(t.stack, i)
	return frame{at: i}
}

func (t *tarjan) walk(root int) {
	frames := []frame{t.enter(root)}
	for len(frames) > 0 {
		f := &frames[len(frames)-1]
		needs := t.g.points[f.at].needs
		if f.next < len(needs) {
			to := needs[f.next]
			f.next++
			if t.seen[to] == 0 {
				frames = append(frames, t.enter(to))
			} else if t.on[to] {
				t.low[f.at] = min(t.low[f.at], t.seen[to])
			}
			continue
		}
		at := f.at
		t.leave(at)
		frames = frames[:len(frames)-1]
		if len(frames) > 0 {
			parent := frames[len(frames)-1].at
			t.low[parent] = min(t.low[parent], t.low[at])
		}
	}
}

// leave takes a finished component off the stack and keeps it when it holds a cycle.
func (t *tarjan) leave(at int) {
	if t.low[at] != t.seen[at] {
		return
	}
	from := slices.Index(t.stack, at)
	knot := slices.Sorted(slices.Values(t.stack[from:]))
	t.stack = t.stack[:from]
	for _, i := range knot {
		t.on[i] = false
	}
	if len(knot) > 1 || t.g.edges[[2]int{at, at}] {
		t.found = append(t.found, knot)
	}
}

// shortest walks breadth first from the knot's first name back to itself.
func (g *Graph) shortest(knot []int) []int {
	start := knot[0]
	inside := map[int]bool{}
	for _, i := range knot {
		inside[i] = true
	}
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, to := range g.points[at].needs {
			if to == start {
				return trace(from, start, at)
			}
			if _, seen := from[to]; !seen && inside[to] {
				from[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil // not reached: every name of a knot leads back to every other
}

func trace(from map[int]int, start, at int) []int {
	path := []int{start}
	for at != start {
		path = append(path, at)
		at = from[at]
	}
	path = append(path, start)
	slices.Reverse(path)
	return path
}
