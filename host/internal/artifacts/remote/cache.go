package remote

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// CacheConfig is what an agent keeps artifacts in.
type CacheConfig struct {
	Store  artifacts.Store
	Keeper artifacts.Keeper // the same store's
	// Folder holds partial downloads and pins; best on the disk of the store, which then need not copy.
	Folder string
	// Limit is how many bytes the cache may hold. 0: what the disk holds.
	Limit int64
	// Grace protects what was used this recently from Trim. 0: artifacts.Renewed.
	Grace time.Duration
}

// Cache is what all hosts of one agent share: the artifacts here, the downloads under way, and who pins what.
type Cache struct {
	CacheConfig

	disk     disk
	trimming sync.Mutex // one at a time, or each would remove enough for both

	mu      sync.Mutex
	flights map[string]*flight // by digest, until they have landed
}

// NewCache opens the cache, and removes stale partial downloads.
func NewCache(c CacheConfig) (*Cache, error) {
	if c.Store == nil || c.Keeper == nil || c.Folder == "" {
		return nil, errors.New("artifacts of hosts: Store, Keeper and Folder are all needed")
	}
	if c.Grace == 0 {
		c.Grace = artifacts.Renewed
	}
	cache := &Cache{CacheConfig: c, flights: map[string]*flight{}}
	return cache, errors.Join(sweep(cache.partials()), os.MkdirAll(cache.pins(), 0o700))
}

func (c *Cache) partials() string { return filepath.Join(c.Folder, "partial") }
func (c *Cache) pins() string     { return filepath.Join(c.Folder, "pins") }

// flight is one download, and how many wait for it.
type flight struct {
	owner   *Store // whose host it comes from
	waiters int    // 0: nobody waits any more, it is being cancelled
	cancel  context.CancelFunc
	done    chan struct{}
	moved   bool  // it got on; set before done is closed
	err     error // the same
}

// obtain waits until the artifact is here, however long that takes: it says in ctx why, each time a host could not give it.
func (c *Cache) obtain(ctx context.Context, s *Store, digest string) error {
	return s.retry(ctx, func() (bool, error) {
		moved, err := c.fly(ctx, s, digest)
		if err != nil && ctx.Err() == nil && !lasts(err) {
			artifacts.Waits(ctx, err)
		}
		return moved, err
	})
}

// fly waits for one flight that may bring the artifact. What another Store's host could not give, this one's is asked for.
func (c *Cache) fly(ctx context.Context, s *Store, digest string) (moved bool, err error) {
	for ctx.Err() == nil {
		f, aboard := c.board(ctx, s, digest)
		if !aboard {
			select {
			case <-f.done:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-f.done:
			if f.err != nil && f.owner != s {
				continue
			}
			return f.moved, f.err
		case <-ctx.Done():
			c.leave(f)
		}
	}
	return false, context.Cause(ctx)
}

// board joins the flight for the digest, or starts one. It does not join one that is being cancelled.
func (c *Cache) board(ctx context.Context, s *Store, digest string) (f *flight, aboard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.flights[digest]; f != nil {
		if f.waiters > 0 {
			f.waiters++
		}
		return f, f.waiters > 0
	}
	flying, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f = &flight{owner: s, waiters: 1, cancel: cancel, done: make(chan struct{})}
	c.flights[digest] = f
	go func() { // waited for by whoever stays, or leaves last
		moved, err := s.download(flying, digest)
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, digest)
		f.moved, f.err = moved, err
		close(f.done)
	}()
	return f, true
}

// leave gives up waiting. The last one ends the flight.
func (c *Cache) leave(f *flight) {
	c.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	c.mu.Unlock()
	if last {
		f.cancel()
		<-f.done
	}
}
