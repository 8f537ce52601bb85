package fleet

import (
	"cmp"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
)

// Pace is how often things happen. Its zero value is for real fleets; tests run at a twentieth of it.
type Pace struct {
	Beat  time.Duration // between two beats of an agent that has nothing new to say; 0: 5 s
	Lost  time.Duration // an agent that has said nothing for so long is lost; 0: a little less than three beats, in which that is to be known
	Block time.Duration // how long one read waits at most; 0: a fifth of a beat for hosts, half of one for agents
	Grace time.Duration // how long a host waits for a task that it has stopped; 0: 30 s
}

func (p Pace) filled(block int) Pace {
	p.Beat = cmp.Or(p.Beat, 5*time.Second)
	p.Lost = cmp.Or(p.Lost, 3*p.Beat-p.Beat/10)
	p.Block = cmp.Or(p.Block, p.Beat/time.Duration(block))
	p.Grace = cmp.Or(p.Grace, 30*time.Second)
	return p
}

func (p Pace) backoff() stream.Backoff {
	return stream.Backoff{First: p.Beat / 50, Last: p.Beat / 2}
}

// soon is the least time between two beats when there is something new.
func (p Pace) soon() time.Duration { return p.Beat / 20 }

// within waits for goroutines that talk to Redis, and not for answers that may never come: those end with the client.
func within(d time.Duration, all *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// same says whether two errors say the same.
func same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// poke has somebody look who waits for it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
