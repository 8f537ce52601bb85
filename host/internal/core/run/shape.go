package run

import (
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Shape is a pipeline as far as this package cares: who needs whom, and how failures are treated.
type Shape struct {
	Timeout time.Duration // of the whole; 0: none
	Nodes   []NodeShape   // any order
}

// NodeShape is one node of a Shape: a node, a gate or a module.
type NodeShape struct {
	Name       string // unique in its shape: a node's name, gate.<name> or module.<name>
	Type       string
	Needs      []string // nodes that must have ended
	Attempts   int      // at most, counting the first; 0 means 1
	Backoff    time.Duration
	Timeout    time.Duration // of one attempt, or of a gate; 0: none
	OnFailure  string        // "fail" (also ""), "skip", "continue", "pause"
	Idempotent bool          // a lost attempt may simply be repeated
	Ask        bool          // of what is not idempotent: a lost attempt waits for a person
	Repeats    bool          // its rounds are counted from 1
	Rungs      []sdk.Cause   // the ladder of degrade: what leads to each rung
	Gate       bool
	Module     *Shape // of a module
}

// MaxLost is how often an attempt may be lost before its node fails as poison.
const MaxLost = 3

// MaxBackoff bounds the doubling of a node's backoff.
const MaxBackoff = 5 * time.Minute

// Pause is how long the node waits after so many tries.
func (n *NodeShape) Pause(tries int) time.Duration {
	d := n.Backoff
	for range tries - 1 {
		if d *= 2; d >= MaxBackoff {
			return max(n.Backoff, MaxBackoff)
		}
	}
	return d
}
