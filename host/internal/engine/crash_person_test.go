package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// person sits before the host that dies: whoever looks at a run next sees what the journal says, and does what it asks for.
type person struct {
	*engine.Engine
	look   chan struct{} // something is durable
	paused bool          // the run has been, once
	mu     sync.Mutex    // guards paused
}

func (p *person) observe(_ run.ID, ev run.Event) {
	if ev.Kind == run.RunPaused {
		p.mu.Lock()
		p.paused = true
		p.mu.Unlock()
	}
	select {
	case p.look <- struct{}{}:
	default:
	}
}

// seeThrough stays until the run has succeeded.
func (p *person) seeThrough(ctx context.Context, id run.ID) error {
	p.observe(id, run.Event{})
	ended := make(chan error, 1)
	for {
		watch, stop := context.WithCancel(ctx)
		go func() { ended <- p.attend(watch, id) }()
		s, err := p.Wait(ctx, id)
		stop()
		if err = errors.Join(err, <-ended); err != nil {
			return err
		}
		switch s.Status {
		case run.Succeeded:
			return nil
		case run.Failed:
			if err := p.Resume(ctx, id); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the run %s: %w", s.Status, s.Error)
		}
	}
}

// attend does what the run asks for, until ctx ends.
func (p *person) attend(ctx context.Context, id run.ID) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.look:
		}
		for again := true; again; {
			s, err := p.State(context.Background(), id)
			if err != nil {
				return err
			}
			if again, err = p.act(s); errors.Is(err, engine.ErrEnded) || errors.Is(err, engine.ErrNotWaiting) {
				again = false // it went on meanwhile
			} else if err != nil {
				return err
			}
		}
	}
}

// act does one thing, if there is one to do.
func (p *person) act(s *progress.State) (did bool, err error) {
	ctx := context.Background()
	p.mu.Lock()
	paused := p.paused
	p.mu.Unlock()
	if s.Status.Ended() {
		return false, nil
	}
	if s.Held {
		return true, p.Continue(ctx, s.ID, "ada")
	}
	for _, n := range s.Nodes {
		for _, i := range n.Instances {
			at := s.Address(i)
			at.Attempt = 0
			switch {
			case n.Name == "stuck" && i.State == run.NodeRunning:
				return true, p.CancelNode(ctx, at, "ada", "too slow")
			case i.State != run.NodeWaiting:
			case i.Error == nil && !paused:
				return true, p.Pause(ctx, s.ID, "ada", "lunch")
			case i.Error == nil:
				return true, p.Answer(ctx, at, eval.Answer{Approved: true, By: "ada"})
			case n.Name == "hard":
				return true, p.Decide(ctx, at, engine.Decision{What: run.Retry, Inputs: sdk.Values{"v": "right"}})
			default:
				return true, p.Decide(ctx, at, engine.Decision{What: run.Retry})
			}
		}
	}
	return false, nil
}
