package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// patience is how long a command waits for a holder that is just starting or just leaving.
const patience = 10 * time.Second

// Reach takes the state directory over, or else connects to its holder. Exactly one of lock and c is not nil.
// A connected client has spoken to the holder once; the holder stays while that connection is open.
func (s State) Reach(ctx context.Context) (lock *Lock, c *client.Client, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path, err := s.Socket()
	if err != nil {
		return nil, nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := s.TryLock()
		if err == nil {
			return lock, nil, nil
		}
		if !errors.Is(err, ErrHeld) {
			return nil, nil, err
		}
		c := client.Unix(path)
		_, err = c.Health(ctx)
		var p *client.Problem
		if err == nil || errors.As(err, &p) { // an unwell holder answers too
			return nil, c, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("another process holds %s but does not answer on %s: %w", s.Dir, path, err)
		case <-tick.C:
		}
	}
}
