package graph

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Dot draws the graph for Graphviz.
func (g *Graph) Dot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotQuote(g.title))
	b.WriteString("  rankdir=LR;\n  bgcolor=\"transparent\";\n")
	b.WriteString("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f1ea\", color=\"#8a8378\", fontname=\"Helvetica\", fontsize=11];\n")
	b.WriteString("  edge [color=\"#8a8378\", arrowsize=0.7];\n")
	for i := range g.points {
		p := &g.points[i]
		fmt.Fprintf(&b, "  %s [label=%s];\n", dotQuote(p.name), dotQuote(strings.Join(p.lines(), "\n")))
	}
	for i := range g.points {
		for _, need := range g.points[i].needs {
			fmt.Fprintf(&b, "  %s -> %s;\n", dotQuote(g.points[need].name), dotQuote(g.points[i].name))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func dotQuote(s string) string { return `"` + dotEscapes.Replace(s) + `"` }

// lines are what a drawing writes into the box: the name, then what it is, then what is special about it.
func (p *point) lines() []string {
	lines := []string{p.name}
	for _, s := range []string{p.label, p.note} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	return lines
}

// Mermaid draws the graph as a Mermaid flowchart, as GitHub shows it.
func (g *Graph) Mermaid() string {
	var b strings.Builder
	if g.title != "" {
		fmt.Fprintf(&b, "---\ntitle: %q\n---\n", g.title)
	}
	b.WriteString("flowchart LR\n")
	for i := range g.points {
		lines := g.points[i].lines()
		for j := range lines {
			lines[j] = mermaidEscapes.Replace(lines[j])
		}
		lines[0] = "<b>" + lines[0] + "</b>"
		fmt.Fprintf(&b, "  n%d(\"%s\")\n", i, strings.Join(lines, "<br/>"))
	}
	for i := range g.points {
		for _, need := range g.points[i].needs {
			fmt.Fprintf(&b, "  n%d --> n%d\n", need, i)
		}
	}
	return b.String()
}

var mermaidEscapes = strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ")

// Text draws the graph as a list of layers for a terminal: the layer's number where it begins, the name, what it is,
// what is special about it, and what it needs. Names on cycles are left out.
func (g *Graph) Text() string {
	var rows [][]string
	for n, layer := range g.layers() {
		for i, at := range layer {
			p := &g.points[at]
			number, needs := "", ""
			if i == 0 {
				number = fmt.Sprint(n + 1)
			}
			if len(p.needs) > 0 {
				needs = "← " + strings.Join(g.named(p.needs), ", ")
			}
			rows = append(rows, []string{number, p.name, p.label, p.note, needs})
		}
	}
	out := columns(rows)
	if g.title != "" {
		out = g.title + "\n" + out
	}
	return out
}

// columns aligns rows of equal length: the first column to the right, the others to the left, empty columns dropped.
func columns(rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line.WriteString("  " + pad + cell)
			case width[i] > 0:
				line.WriteString("  " + cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
