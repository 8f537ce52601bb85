package crew

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestCrew runs more at once than may wait afterwards: each function runs once, a goroutine serves again, and none is left.
func TestCrew(t *testing.T) {
	t.Parallel()
	var c Crew
	const many = 3 * keep
	var ran atomic.Int64
	for range 5 {
		var begun, done sync.WaitGroup
		begun.Add(many)
		done.Add(many)
		for range many {
			c.Go(func() {
				defer done.Done()
				begun.Done()
				begun.Wait() // all of them at once
				ran.Add(1)
			})
		}
		done.Wait()
	}
	c.Close()
	if n := ran.Load(); n != 5*many {
		t.Errorf("%d functions ran of %d", n, 5*many)
	}
	if len(c.idle) > 0 {
		t.Errorf("%d goroutines wait still", len(c.idle))
	}
}

// TestReuse: who waits is taken before a goroutine is made.
func TestReuse(t *testing.T) {
	t.Parallel()
	var c Crew
	defer c.Close()
	next := make(chan func(), 1)
	if !c.rest(next) {
		t.Fatal("the first may not wait")
	}
	ran := false
	c.Go(func() { ran = true })
	select {
	case f := <-next:
		f()
	default:
	}
	if !ran {
		t.Error("it was given to somebody else")
	}
}

// TestClosed: a function that comes after the end runs all the same, and nobody waits for another.
func TestClosed(t *testing.T) {
	t.Parallel()
	var c Crew
	c.Close()
	ran := make(chan bool, 1)
	c.Go(func() { ran <- true })
	<-ran
	c.Close()
}

// TestHammer gives work from many sides while others wait.
func TestHammer(t *testing.T) {
	t.Parallel()
	var c Crew
	var ran atomic.Int64
	var givers sync.WaitGroup
	for range 16 {
		givers.Go(func() {
			for range 500 {
				done := make(chan struct{})
				c.Go(func() { ran.Add(1); close(done) })
				<-done
			}
		})
	}
	givers.Wait()
	c.Close()
	if n := ran.Load(); n != 16*500 {
		t.Errorf("%d functions ran of %d", n, 16*500)
	}
}
