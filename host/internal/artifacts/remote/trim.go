package remote

import (
	"context"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// Trim keeps the cache within its limit: what was used longest ago goes, but nothing that is pinned or was just used.
func (c *Cache) Trim(ctx context.Context) error {
	if c.Limit <= 0 {
		return nil
	}
	return c.trim(ctx, func(held, _ int64) bool { return held <= c.Limit })
}

// trim removes until it is enough, or nothing more may go. enough is told what is held and what was removed, in bytes.
func (c *Cache) trim(ctx context.Context, enough func(held, removed int64) bool) error {
	c.trimming.Lock()
	defer c.trimming.Unlock()
	recent := time.Now().Add(-c.Grace) // before the pins are read: what is put and pinned from here on is newer
	pinned, err := c.allPinned()
	if err != nil {
		return err
	}
	var all []artifacts.Held
	var held, removed int64
	for h, err := range c.Keeper.All(ctx) {
		if err != nil {
			return err
		}
		all, held = append(all, h), held+h.Size
	}
	slices.SortFunc(all, func(a, b artifacts.Held) int { return a.Put.Compare(b.Put) })
	for _, h := range all {
		if enough(held, removed) || !h.Put.Before(recent) {
			return nil
		}
		if pinned[h.Digest] {
			continue
		}
		// Whoever used it since the listing keeps it; so does whoever pins it, having put it just before.
		gone, err := c.Keeper.Remove(ctx, h.Digest, h.Put.Add(time.Nanosecond))
		if err != nil {
			return err
		}
		if gone {
			held, removed = held-h.Size, removed+h.Size
		}
	}
	return nil
}
