package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotOwned says that another host has adopted the run, or that another process opened the store as this host;
// nothing was stored.
var ErrNotOwned = errors.New("journal: owned by another host")

// LeadFor is how long a host leads after it last said that it lives.
const LeadFor = 10 * time.Second

// EndedStates are the states of a head whose run has ended: nobody owns it, and nobody adopts it.
var EndedStates = []string{"succeeded", "failed", "cancelled"}

// Ended says whether the run has ended.
func (h *Head) Ended() bool { return slices.Contains(EndedStates, h.State) }

// Ownership shares runs out among hosts that keep them in one store. Every method says that this host lives.
//
// A run is owned by the host that appended its first event, at epoch 1. Each change of its owner raises its epoch. An
// append is refused with ErrNotOwned unless this host owns the run, at the epoch that it knows of, in the very moment
// of the commit. A run that has ended is owned by nobody; who appends to it, so that it has not any more, owns it from
// then on. Whoever opens the store as a host takes the place of whoever had opened it as that host before: all that the
// earlier one does is refused with ErrNotOwned. Time is that of the store, whatever the clocks of the hosts show.
type Ownership interface {
	// Beat says that this host lives, and renews its lead if it leads.
	Beat(ctx context.Context) error
	// Owned gives the runs that this host owns and that have not ended, oldest first: after opening, those that were
	// interrupted.
	Owned(ctx context.Context) ([]string, error)
	// Holder gives the host that owns the run; empty: nobody does, as when it has ended. ErrNotFound.
	Holder(ctx context.Context, run string) (host string, err error)
	// Adopt makes this host the owner of runs that have not ended and have no owner, or one that has not said for so
	// long that it lives; oldest first. Of several hosts that do so at once exactly one gets each run, and after an
	// error the next call gives what this one took. A run that its owner writes to just now is left for the next call.
	Adopt(ctx context.Context, silent time.Duration) ([]string, error)
	// Lead says whether this host is the one that leads, trying to be when nobody is. When it is, no other leads until
	// LeadFor after this call, or a later Beat, began. The epoch rises with each change of who leads: whoever receives
	// what a leader decided refuses a lower epoch than it has seen. A host that does not lead is told the epoch too.
	Lead(ctx context.Context) (leads bool, epoch int64, err error)
}

// Hosts are those that share runs by Ownership.
type Hosts interface {
	// Dead gives the hosts that have not said for so long that they live.
	Dead(ctx context.Context, silent time.Duration) ([]string, error)
	// Living gives those that have, this one among them, and which of them leads; empty: none does.
	Living(ctx context.Context, silent time.Duration) (hosts []string, leader string, err error)
	// Heard has fn told from now on of each run that another host has appended to, once that can be read; of "" when it may be
	// any. It must not block. The last one that is given counts.
	Heard(fn func(run string))
}

// NotOwnedError says who owns the run; it is an ErrNotOwned.
type NotOwnedError struct {
	Run  string
	Host string // that owns the run; empty: nobody does any more
}

// Error names the run and its owner.
func (e *NotOwnedError) Error() string {
	if e.Host == "" {
		return fmt.Sprintf("%s: another host adopted the run, and it has ended there: %v", e.Run, ErrNotOwned)
	}
	return fmt.Sprintf("%s goes on at host %q, which has adopted it: %v", e.Run, e.Host, ErrNotOwned)
}

// Unwrap gives ErrNotOwned.
func (e *NotOwnedError) Unwrap() error { return ErrNotOwned }
