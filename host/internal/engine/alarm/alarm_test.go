package alarm

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		fired := map[int]time.Duration{}
		clock := New(time.Now, func(l int) {
			mu.Lock()
			defer mu.Unlock()
			if _, again := fired[l]; again {
				t.Error("fired twice")
			}
			fired[l] = time.Since(began)
		})
		runs := make([]*Wake[int], 50)
		due := make([]time.Duration, len(runs)) // zero: not at all
		for k := range runs {
			runs[k] = &Wake[int]{Of: k}
		}
		for range 500 {
			k := rand.IntN(len(runs))
			due[k] = time.Duration(rand.IntN(100)) * time.Second
			at := time.Time{}
			if due[k] > 0 {
				at = began.Add(due[k])
			}
			clock.Set(runs[k], at)
		}
		waiting := 0
		for _, d := range due {
			if d > 0 {
				waiting++
			}
		}
		clock.mu.Lock()
		if len(clock.heap) != waiting {
			t.Errorf("%d in the heap, %d wait", len(clock.heap), waiting)
		}
		clock.mu.Unlock()
		<-time.After(200 * time.Second) // of the bubble
		synctest.Wait()
		for k := range runs {
			if at, ok := fired[k]; at != due[k] || ok != (due[k] > 0) {
				t.Errorf("fired at %v, want %v", at, due[k])
			}
		}
		clock.Set(runs[0], time.Now().Add(time.Second))
		clock.Close()
	})
}
