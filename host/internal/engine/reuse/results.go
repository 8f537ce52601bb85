package reuse

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
)

// Results are those that a cache keeps for any run.
type Results struct {
	Cache     cache.Store // nil: none is kept
	Artifacts artifacts.Store
	Now       func() time.Time
	Log       *slog.Logger
}

// Keeps says whether results of a node are kept.
func (r *Results) Keeps(n *pipeline.Node) bool {
	return r.Cache != nil && n.Cache != nil && n.Type.Revision != ""
}

// Put keeps a result. That it cannot be kept is only said.
func (r *Results) Put(ctx context.Context, e cache.Entry) {
	if err := r.Cache.Put(ctx, e); err != nil {
		r.Log.Warn("a result is not kept", "task", e.Source, "error", err)
	}
}

// Find looks a result up: one that is fresh, and whole.
func (r *Results) Find(ctx context.Context, n *pipeline.Node, key string) (cache.Entry, bool) {
	found, err := r.Cache.Get(ctx, key)
	switch {
	case errors.Is(err, cache.ErrNotFound):
		return found, false
	case err != nil:
		r.Log.Warn("the cache cannot be read", "error", err)
		return found, false
	}
	fresh := n.Cache.TTL == 0 || r.Now().Sub(found.Created) <= n.Cache.TTL
	return found, fresh && r.whole(ctx, found)
}

// whole says whether every artifact of a result is still there.
func (r *Results) whole(ctx context.Context, entry cache.Entry) bool {
	for _, a := range entry.Artifacts() {
		f, err := r.Artifacts.Open(ctx, a.Digest)
		if err != nil {
			return false
		}
		_ = f.Close() // only looked at
	}
	return true
}
