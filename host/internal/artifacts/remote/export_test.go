package remote

import (
	"context"
	"runtime"
	"time"
)

// Hasten makes retries wait for nothing but the context, and tells each.
func (s *Store) Hasten(told func(attempt int)) {
	s.wait = func(ctx context.Context, attempt int) error {
		if told != nil {
			told(attempt)
		}
		return context.Cause(ctx)
	}
}

// Await returns once that many wait for the download.
func (c *Cache) Await(digest string, waiters int) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		c.mu.Lock()
		f := c.flights[digest]
		there := f != nil && f.waiters >= waiters
		c.mu.Unlock()
		if there {
			return
		}
	}
	panic("not that many wait")
}

// Rest is how long a bucket is left alone that failed.
const Rest = rest

// Later makes the store's bucket believe that it is that much later.
func (s *Store) Later(d time.Duration) {
	s.bucket.now = func() time.Time { return time.Now().Add(d) }
}
