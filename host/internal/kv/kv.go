// Package kv is the small state that control nodes keep between tasks: texts and numbers under keys, apart for each
// scope. The interface is here; an adapter keeps the state in memory (memkv) or in a file (store/sqlstore), and both run
// the conformance suite of kvtest. It knows no grants: whoever calls it says how much a scope may hold.
package kv

import (
	"context"
	"fmt"

	"github.com/myspinbot/spinbot/sdk"
)

// Scope is whose state it is. An edited pipeline keeps its name, and so its state; instances of a for_each share it.
type Scope struct {
	// Owner submits the runs; Pipeline is its name, not its digest.
	Owner, Pipeline string
	// Node is its path in the pipeline without keys and rounds: "limit", "finish/limit".
	Node string
}

// ScopeOf gives the scope of a task.
func ScopeOf(t *sdk.Task) Scope {
	s := Scope{Owner: t.Owner, Pipeline: t.PipelineName}
	if s.Pipeline == "" {
		s.Pipeline = t.Pipeline
	}
	for _, m := range t.Address.Modules {
		s.Node += m.Name + "/"
	}
	s.Node += t.Address.Node.Name
	return s
}

// Change makes a new value of an old one; ok says whether there was one, keep whether there is to be one. An error changes
// nothing. It must not call the store.
type Change func(old []byte, ok bool) (new []byte, keep bool, err error)

// Store keeps values. It is safe for concurrent use. Values that it gives and takes are the caller's own.
type Store interface {
	// Get gives a value.
	Get(ctx context.Context, s Scope, key string) (value []byte, ok bool, err error)
	// Update changes a value; no other change comes between what fn sees and what it makes. A change after which the keys
	// and values of the scope have more than most bytes, and more than before, is a *FullError. What is changed is durable
	// when Update returns, if the store is. The error of fn is given as it is.
	Update(ctx context.Context, s Scope, key string, most int64, fn Change) error
	// List gives the keys that begin with prefix, sorted by their bytes.
	List(ctx context.Context, s Scope, prefix string) ([]string, error)
}

// FullError says that a scope holds as much as it may.
type FullError struct{ Max, Would int64 }

// Error says how much it would be.
func (e *FullError) Error() string {
	return fmt.Sprintf("it would hold %s; %s are granted", sdk.FormatSize(e.Would), sdk.FormatSize(e.Max))
}

// Fits says whether a scope may go from one size to another.
func Fits(before, after, most int64) error {
	if after > most && after > before {
		return &FullError{Max: most, Would: after}
	}
	return nil
}
