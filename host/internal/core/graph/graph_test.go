package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/graph"
)

// build reads "a: b c; b: c": a needs b and c.
func build(spec string) *graph.Graph {
	g := graph.New("demo")
	for _, part := range strings.Split(spec, ";") {
		name, needs, _ := strings.Cut(strings.TrimSpace(part), ":")
		if name == "" {
			continue
		}
		g.Add(name, "", "")
		for _, need := range strings.Fields(needs) {
			g.Need(name, need)
		}
	}
	return g
}

func TestOrderAndCycles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, layers, cycles string }{
		{"", "[]", "[]"},
		{"a", "[[a]]", "[]"},
		{"a: b; b: c; c", "[[c] [b] [a]]", "[]"},
		{"d: b c; b: a; c: a; a", "[[a] [b c] [d]]", "[]"},
		{"a: b b b", "[[b] [a]]", "[]"},
		{"a: a", "[]", "[[a a]]"},
		{"a: b; b: a; c: a; d", "[[d]]", "[[a b a]]"},
		{"a: b; b: c; c: a; c: b; x: y; y: x", "[]", "[[a b c a] [x y x]]"},
		{"a: b d; b: c; c: a; d: a", "[]", "[[a d a]]"},
		{"z: a; a: b; b: z", "[]", "[[z a b z]]"},
	} {
		g := build(c.spec)
		if got := fmt.Sprint(g.Layers()); got != c.layers {
			t.Errorf("%q: layers %s, not %s", c.spec, got, c.layers)
		}
		if got := fmt.Sprint(g.Cycles()); got != c.cycles {
			t.Errorf("%q: cycles %s, not %s", c.spec, got, c.cycles)
		}
		if _, ok := g.Order(); ok != (c.cycles == "[]") {
			t.Errorf("%q: ok is %v", c.spec, ok)
		}
	}
}

// TestRandom: an order exists exactly when there are no cycles, every name follows its needs, and each reported cycle
// is one.
func TestRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := graph.New("")
		n := 1 + r.IntN(12)
		for i := range n {
			g.Add(fmt.Sprint(i), "", "")
		}
		for range r.IntN(2 * n) {
			g.Need(fmt.Sprint(r.IntN(n)), fmt.Sprint(r.IntN(n)))
		}
		order, ok := g.Order()
		cycles := g.Cycles()
		if ok != (len(cycles) == 0) {
			t.Fatalf("seed %d: order %v, cycles %v", seed, order, cycles)
		}
		for _, name := range order {
			for _, need := range g.Needs(name) {
				if slices.Index(order, need) >= slices.Index(order, name) || slices.Index(order, need) < 0 {
					t.Fatalf("seed %d: %s before its need %s in %v", seed, name, need, order)
				}
			}
		}
		for _, c := range cycles {
			for i := 1; i < len(c); i++ {
				if !slices.Contains(g.Needs(c[i-1]), c[i]) {
					t.Fatalf("seed %d: %v is no cycle", seed, c)
				}
			}
			if c[0] != c[len(c)-1] {
				t.Fatalf("seed %d: %v does not close", seed, c)
			}
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	g := build("d: b c; b: a; c: a; a; e")
	done := map[string]bool{}
	for _, want := range []string{"[a e]", "[b c]", "[d]", "[]"} {
		ready := g.Ready(func(name string) bool { return done[name] })
		if fmt.Sprint(ready) != want {
			t.Fatalf("%v, not %s", ready, want)
		}
		for _, name := range ready {
			done[name] = true
		}
	}
	if !g.Has("a") || g.Has("x") || g.Len() != 5 || g.Needs("x") != nil || fmt.Sprint(g.Dependents("a")) != "[b c]" {
		t.Error("questions about names")
	}
}

func TestLongChain(t *testing.T) {
	t.Parallel()
	g := graph.New("")
	const n = 100_000
	for i := range n {
		g.Need(fmt.Sprint(i), fmt.Sprint((i+1)%n))
	}
	if c := g.Cycles(); len(c) != 1 || len(c[0]) != n+1 {
		t.Errorf("%d cycles", len(c))
	}
}

func drawn() *graph.Graph {
	g := graph.New(`film "one"`)
	g.Add("script", "ollama.chat", "")
	g.Add("shot", "comfyui.workflow", "for each")
	g.Add("say", "voice.say", "when")
	g.Add("film", "render.film", "")
	g.Need("shot", "script")
	g.Need("say", "script")
	g.Need("film", "say")
	g.Need("film", "shot")
	return g
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want string }{
		"text": {drawn().Text(), `film "one"
  1  script  ollama.chat
  2  shot    comfyui.workflow  for each  ← script
     say     voice.say         when      ← script
  3  film    render.film                 ← shot, say
`},
		"mermaid": {drawn().Mermaid(), `---
title: "film \"one\""
---
flowchart LR
  n0("<b>script</b><br/>ollama.chat")
  n1("<b>shot</b><br/>comfyui.workflow<br/>for each")
  n2("<b>say</b><br/>voice.say<br/>when")
  n3("<b>film</b><br/>render.film")
  n0 --> n1
  n0 --> n2
  n2 --> n3
  n1 --> n3
`},
		"dot": {drawn().Dot(), `digraph "film \"one\"" {
  rankdir=LR;
  bgcolor="transparent";
  node [shape=box, style="rounded,filled", fillcolor="#f4f1ea", color="#8a8378", fontname="Helvetica", fontsize=11];
  edge [color="#8a8378", arrowsize=0.7];
  "script" [label="script\nollama.chat"];
  "shot" [label="shot\ncomfyui.workflow\nfor each"];
  "say" [label="say\nvoice.say\nwhen"];
  "film" [label="film\nrender.film"];
  "script" -> "shot";
  "script" -> "say";
  "say" -> "film";
  "shot" -> "film";
}
`},
		"empty": {graph.New("").Text(), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: got\n%s", name, c.got)
		}
	}
}
