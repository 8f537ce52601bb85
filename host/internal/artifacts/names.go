package artifacts

import (
	"context"
	"io"

	"github.com/myspinbot/spinbot/sdk"
)

// Names puts what name makes of an artifact's name in its place before next stores it.
func Names(next Store, name func(string) string) Store {
	n := names{next, name}
	if a, ok := next.(Adopter); ok { // what is adopted has no name
		return struct {
			names
			Adopter
		}{n, a}
	}
	return n
}

type names struct {
	Store
	name func(string) string
}

// Put implements Store.
func (n names) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	hint.Name = n.name(hint.Name)
	return n.Store.Put(ctx, r, hint)
}
