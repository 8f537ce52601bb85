package progress

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// Marks between which ARCHITECTURE.md has the picture of Table.
const (
	drawnFrom = "<!-- states: begin (printed by host/internal/core/run/progress) -->\n"
	drawnTo   = "<!-- states: end -->"
)

var (
	nodeStates = []run.NodeState{run.NodePending, run.NodeReady, run.NodeQueued, run.NodePlaced, run.NodeRunning, run.NodeBackoff, run.NodeWaiting, run.NodeCancelling,
		run.NodeSucceeded, run.NodeCached, run.NodeFailed, run.NodeSkipped, run.NodeCancelled}
	runStates = []run.Status{run.Created, run.Running, run.Paused, run.Succeeded, run.Failed, run.Cancelled}
)

// TestTableIsDrawn compares the picture in ARCHITECTURE.md with Table; -update draws it anew.
func TestTableIsDrawn(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "..", "..", "..", "ARCHITECTURE.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), drawnFrom)
	_, after, closed := strings.Cut(rest, drawnTo)
	if !ok || !closed {
		t.Fatalf("%s has no %q … %q", file, drawnFrom, drawnTo)
	}
	want := before + drawnFrom + drawn() + drawnTo + after
	switch {
	case want == string(raw):
	case !*update:
		t.Fatalf("%s shows another table; go test ./internal/core/run/progress -update draws it anew", file)
	default:
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// drawn is Table as two mermaid pictures. What leaves a final state is said below them: it would hide the rest.
func drawn() string {
	return "A run:\n\n" + diagram(runStates, run.Table.Run, run.Created) + "\nA node, and each of its instances:\n\n" +
		diagram(nodeStates, run.Table.Node, run.NodePending) + "\n" + leaving(runStates, run.Table.Run, "The run is resumed") +
		leaving(nodeStates, run.Table.Node, "It is tried again, when the run is resumed or a module around it is tried again")
}

type state interface {
	~string
	Ended() bool
}

func diagram[S state](states []S, next map[S][]S, first S) string {
	var b strings.Builder
	fmt.Fprintf(&b, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", first)
	for _, from := range states {
		if from.Ended() {
			fmt.Fprintf(&b, "    %s --> [*]\n", from)
			continue
		}
		for _, to := range states {
			if slices.Contains(next[from], to) {
				fmt.Fprintf(&b, "    %s --> %s\n", from, to)
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// leaving says in words where final states lead.
func leaving[S state](states []S, next map[S][]S, when string) string {
	var from, to []S
	for _, s := range states {
		if s.Ended() && len(next[s]) > 0 {
			from, to = append(from, s), next[s]
		}
	}
	return fmt.Sprintf("%s: %s → %s.\n", when, quoted(from), quoted(to))
}

func quoted[S ~string](list []S) string {
	words := make([]string, len(list))
	for k, s := range list {
		words[k] = "`" + string(s) + "`"
	}
	return strings.Join(words, ", ")
}

// TestTableIsWhole: it knows every state, names none twice, and final states lead nowhere but to another try.
func TestTableIsWhole(t *testing.T) {
	t.Parallel()
	whole(t, nodeStates, run.Table.Node)
	whole(t, runStates, run.Table.Run)
	if run.Table.MayNode(run.NodeSucceeded, run.NodeReady) || run.Table.MayNode(run.NodeCached, run.NodeReady) || run.Table.MayRun(run.Succeeded, run.Running) {
		t.Error("what succeeded is done again")
	}
	if !run.Table.MayNode(run.NodeReady, run.NodeReady) || !run.Table.MayRun(run.Running, run.Running) {
		t.Error("nothing may stay what it is")
	}
}

func whole[S state](t *testing.T, states []S, next map[S][]S) {
	t.Helper()
	var again []S
	for from, list := range next {
		if !slices.Contains(states, from) {
			t.Errorf("state %s is not drawn", from)
		}
		for k, to := range list {
			if !slices.Contains(states, to) || slices.Contains(list[:k], to) || to == from {
				t.Errorf("%s → %s stands there twice, or is not drawn, or is no transition", from, to)
			}
		}
		switch {
		case !from.Ended():
		case again == nil:
			again = list
		case !slices.Equal(again, list): // they are drawn as one
			t.Errorf("%s leads to %v, others to %v", from, list, again)
		}
	}
}
