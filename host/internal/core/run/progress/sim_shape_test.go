package progress

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
)

// maxDepth is how deep modules are nested.
const maxDepth = 3

// randomShape makes a shape with nodes, gates and modules of all kinds.
func randomShape(rng *rand.Rand, depth int) run.Shape {
	var s run.Shape
	if rng.IntN(6) == 0 {
		s.Timeout = time.Duration(1+rng.IntN(40)) * time.Second
	}
	n := 1 + rng.IntN(10)
	if depth > 0 {
		n = rng.IntN(4)
	}
	for k := range n {
		node := randomNode(rng, k, depth)
		for _, before := range s.Nodes {
			if rng.IntN(4) == 0 {
				node.Needs = append(node.Needs, before.Name)
			}
		}
		s.Nodes = append(s.Nodes, node)
	}
	rng.Shuffle(n, func(i, j int) { s.Nodes[i], s.Nodes[j] = s.Nodes[j], s.Nodes[i] })
	return s
}

func randomNode(rng *rand.Rand, k, depth int) run.NodeShape {
	n := run.NodeShape{OnFailure: []string{"", "fail", "skip", "skip", "continue", "continue", "continue", "pause", "pause", "pause"}[rng.IntN(10)]}
	switch r := rng.IntN(10); {
	case r < 2:
		n.Name, n.Type, n.Gate = fmt.Sprintf("gate.g%d", k), "gate", true
		if rng.IntN(2) == 0 {
			n.Timeout = time.Duration(1+rng.IntN(10)) * time.Second
		}
	case r < 5-depth && depth < maxDepth:
		inner := randomShape(rng, depth+1)
		n.Name, n.Type, n.Module = fmt.Sprintf("module.m%d", k), "module", &inner
		n.Repeats = rng.IntN(3) == 0
	default:
		n.Name, n.Type = fmt.Sprintf("n%d", k), "test.any"
		n.Attempts, n.Backoff = rng.IntN(4), time.Duration(rng.IntN(3))*time.Second
		n.Idempotent, n.Ask = rng.IntN(3) > 0, rng.IntN(2) == 0
		n.Repeats = rng.IntN(4) == 0
		for range rng.IntN(3) {
			n.Rungs = append(n.Rungs, []sdk.Cause{sdk.CauseOOM, sdk.CauseSpilling}[rng.IntN(2)])
		}
	}
	return n
}

// causes are all that an attempt can end with.
var causes = []sdk.Cause{sdk.CauseFailed, sdk.CauseHung, sdk.CauseOOM, sdk.CauseSpilling, sdk.CauseLost,
	sdk.CausePreempted, sdk.CauseRefused, sdk.CauseDrained, sdk.CauseCancelled}
