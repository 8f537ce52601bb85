// Package crew runs functions on goroutines that wait for the next one when they are done: a new goroutine begins with a
// small stack, and growing it costs more than many a function that runs on it. It bounds nothing.
package crew

import "sync"

// keep is how many goroutines wait at most. Whoever is one too many ends.
const keep = 64

// Crew runs functions, each on a goroutine of its own. It is safe for concurrent use.
type Crew struct {
	all sync.WaitGroup

	mu     sync.Mutex
	idle   []chan func() // one for each goroutine that waits; the last was busy last
	closed bool
}

// Go runs the function on a goroutine, and does not wait for it: Close does.
func (c *Crew) Go(f func()) {
	c.mu.Lock()
	if last := len(c.idle) - 1; last >= 0 {
		next := c.idle[last]
		c.idle = c.idle[:last]
		c.mu.Unlock()
		next <- f
		return
	}
	c.mu.Unlock()
	c.all.Go(func() { c.work(f) })
}

// work runs the function, and others for as long as the goroutine may wait for them.
func (c *Crew) work(f func()) {
	for next := make(chan func(), 1); f != nil; f = <-next {
		f()
		if !c.rest(next) {
			return
		}
	}
}

// rest says whether the goroutine may wait for what comes next.
func (c *Crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= keep {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// Close ends the goroutines, each once its function has returned, and waits for them.
func (c *Crew) Close() {
	c.mu.Lock()
	c.closed = true
	for _, next := range c.idle {
		next <- nil
	}
	c.idle = nil
	c.mu.Unlock()
	c.all.Wait()
}
