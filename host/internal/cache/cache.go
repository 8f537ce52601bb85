// Package cache owns results that may be used again: the outputs of a node attempt, known by what went in. It knows
// nothing of runs; the artifacts that outputs name live in the artifact store, and whoever sweeps that must ask the
// cache what it still names.
package cache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// ErrNotFound says that no result is kept under that key.
var ErrNotFound = errors.New("no such result")

// Entry is one result.
type Entry struct {
	// Key is core/pipeline.ResultKey of the inputs.
	Key  string `json:"key"`
	Type string `json:"type"` // node type
	// Source is the address of the attempt that gave it.
	Source  string     `json:"source"`
	Created time.Time  `json:"created"`
	Outputs sdk.Values `json:"outputs"`
	// Usage is what that attempt used: what whoever uses the result again saves. nil: nobody knows.
	Usage *sdk.Usage `json:"usage,omitempty"`
	// Used is when it was last asked for; Size its own bytes and those of its artifacts. List fills them.
	Used time.Time `json:"-"`
	Size int64     `json:"-"`
}

// Store keeps results. It is safe for concurrent use. A result that is damaged is as good as none.
type Store interface {
	// Get gives a result and notes that it was used; ErrNotFound when there is none.
	Get(ctx context.Context, key string) (Entry, error)
	// Put keeps a result, in place of any of the same key.
	Put(ctx context.Context, e Entry) error
	// List gives all results, the one used last first.
	List(ctx context.Context) ([]Entry, error)
	// Remove forgets a result; an absent one is no error.
	Remove(ctx context.Context, key string) error
}

// Artifacts gives what outputs name, once each.
func (e Entry) Artifacts() []sdk.Artifact {
	var out []sdk.Artifact
	seen := map[string]bool{}
	_ = e.Outputs.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) { // gives no errors, and artifacts as they are
		if !seen[a.Digest] {
			seen[a.Digest] = true
			out = append(out, a)
		}
		return a, nil
	})
	return out
}

// Excess chooses which results have to go so that the rest, with their artifacts, takes at most limit bytes: those that
// were used longest ago. Artifacts that several results name count once.
func Excess(entries []Entry, limit int64) []Entry {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(b.Used.UnixNano(), a.Used.UnixNano()) })
	seen := map[string]bool{}
	total := int64(0)
	for k, e := range entries {
		total += e.Size
		for _, a := range e.Artifacts() {
			if seen[a.Digest] {
				total -= a.Size
			}
			seen[a.Digest] = true
		}
		if total > limit {
			return entries[k:]
		}
	}
	return nil
}
