package advance

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/lead"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Sharing is this host's part among several that keep their runs in one store.
type Sharing struct {
	Owner   store.Ownership
	Hosts   store.Hosts
	Records store.Records // of triggers, assets and accounts
	Log     store.Log     // of what people did
	ID      string        // this host's

	leads atomic.Bool // it is the one that decides for all of them, as far as it knows
	read  atomic.Bool // what it owned when it began has been listed: what it adopts is beside that
	heard time.Time   // it said then for the last time that it lives
	// adopts is from when on it takes others for dead: what kept it from saying that it lives may have kept them, too.
	adopts time.Time
}

// Listed says whether what this host owned when it began has been listed: from then on it adopts.
func (s *Sharing) Listed() bool { return s.read.Load() }

// Leads says whether this host is the one that decides for all of them, as far as it knows.
func (s *Sharing) Leads() bool { return s.leads.Load() }

// A host that dies is seen by another one within SilentBeats beats and one more.
const (
	hostBeat    = 2 * time.Second
	SilentBeats = 5
)

// unfinished gives the runs that this host has to go on with, oldest first.
func (r *Runs) unfinished(ctx context.Context) ([]store.Head, error) {
	heads, err := r.cfg.Store.List(ctx, store.Query{States: []string{string(run.Created), string(run.Running), string(run.Paused)}})
	if err != nil {
		return nil, err
	}
	ours := func(string) bool { return true }
	if r.cfg.Sharing != nil {
		owned, err := r.owned(ctx)
		if err != nil {
			return nil, err
		}
		r.cfg.Sharing.read.Store(true)
		ours = func(id string) bool { return owned[id] }
	}
	var out []store.Head
	for k := len(heads) - 1; k >= 0; k-- { // the newest are first
		if ours(heads[k].Run) {
			out = append(out, heads[k])
		}
	}
	return out, nil
}

func (r *Runs) owned(ctx context.Context) (map[string]bool, error) {
	ids, err := r.cfg.Sharing.Owner.Owned(ctx)
	owned := make(map[string]bool, len(ids))
	for _, id := range ids {
		owned[id] = true
	}
	return owned, err
}

// Run says to other hosts that this one lives, and goes on with the runs of those that died, until ctx ends.
func (r *Runs) Run(ctx context.Context) {
	if r.cfg.Sharing == nil {
		return
	}
	r.cfg.Log.Info("shares its runs with other hosts", "host", r.cfg.Sharing.ID)
	beat := cmp.Or(r.cfg.Beat, hostBeat)
	r.cfg.Sharing.heard = time.Now().Round(0)
	for trouble := false; ctx.Err() == nil; {
		err := r.Share(ctx, SilentBeats*beat)
		if err != nil && !trouble && ctx.Err() == nil {
			r.cfg.Log.Warn("other hosts may take this one for dead: the store does not answer", "error", err)
		}
		trouble = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(beat):
		}
	}
}

// Share says that this host lives, lets go of what others took while it could not say so, and takes what is left of those
// that died.
func (r *Runs) Share(ctx context.Context, silent time.Duration) error {
	short, cancel := context.WithTimeout(ctx, silent/2)
	adopted, err := r.tell(short, silent)
	cancel()
	for _, id := range adopted {
		r.cfg.Log.Warn("goes on with the run of a host that died", "run", id)
		r.takeOver(ctx, id)
		if e := r.beat(ctx, silent); e != nil { // there may be many
			err = e
		}
	}
	return err
}

// beat says that this host lives. When that comes late, the next Share finds what others took.
func (r *Runs) beat(ctx context.Context, silent time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, silent/2)
	defer cancel()
	now := time.Now().Round(0)
	err := r.cfg.Sharing.Owner.Beat(ctx)
	if err == nil && now.Sub(r.cfg.Sharing.heard) <= silent/2 {
		r.cfg.Sharing.heard = now
	}
	return err
}

// tell is what Share asks and tells the store. It gives the runs that this host has become the owner of.
func (r *Runs) tell(ctx context.Context, silent time.Duration) ([]string, error) {
	s, now := r.cfg.Sharing, time.Now().Round(0) // the wall's: it goes on while the machine sleeps
	if err := s.Owner.Beat(ctx); err != nil {
		s.leads.Store(false)
		return nil, err
	}
	if gap := now.Sub(s.heard); gap > silent/2 || gap < 0 {
		s.adopts = now.Add(silent)
		if err := r.letGo(ctx); err != nil {
			return nil, err
		}
	}
	s.heard = now
	leads, epoch, err := s.Owner.Lead(ctx)
	if err != nil {
		return nil, err
	}
	if was := s.leads.Swap(leads); leads && !was {
		r.cfg.Led()
	}
	sure := s.read.Load() && !now.Before(s.adopts)
	var dead []string
	if leads && sure {
		if dead, err = s.Hosts.Dead(ctx, silent); err != nil {
			return nil, err
		}
	}
	if r.cfg.Fleet != nil {
		r.cfg.Fleet.Link.Dead(dead) // agents are told what to forget that they hold for them
		if err := r.tellLeader(ctx, leads, epoch, now, dead, silent); err != nil {
			return nil, err
		}
	}
	if !sure {
		return nil, nil
	}
	return s.Owner.Adopt(ctx, silent)
}

// tellLeader says who leads, since which epoch, as the store has said at a time, and which hosts live. Dead are not looked for while
// this host may be wrong about them.
func (r *Runs) tellLeader(ctx context.Context, leads bool, epoch int64, said time.Time, dead []string, silent time.Duration) error {
	living, who, err := r.cfg.Sharing.Hosts.Living(ctx, silent)
	if err != nil {
		return err
	}
	term := lead.Term{Epoch: epoch, Living: living, Dead: dead}
	if leads {
		who, term.Until = r.cfg.Sharing.ID, said.Add(store.LeadFor)
	}
	r.cfg.Fleet.Lead(who, term)
	return nil
}

// letGo has this host stop what it does for runs that others have adopted.
func (r *Runs) letGo(ctx context.Context) error {
	had := r.Actives() // before: what is made meanwhile is owned
	owned, err := r.owned(ctx)
	if err != nil {
		return err
	}
	for _, id := range had {
		if owned[id] {
			continue
		}
		if err := r.letGoOf(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runs) letGoOf(ctx context.Context, id string) error {
	r.taking.Lock() // nobody resumes it meanwhile
	defer r.taking.Unlock()
	holder, err := r.cfg.Sharing.Owner.Holder(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) || holder == r.cfg.Sharing.ID {
		return err
	}
	return r.forsake(ctx, id, holder)
}

// forsake has nothing of a run left here, whatever is under way.
func (r *Runs) forsake(ctx context.Context, id, holder string) error {
	err := r.Engine.LetGo(ctx, run.ID(id), &store.NotOwnedError{Run: id, Host: holder})
	if err == nil {
		r.Set(id, false)
	}
	return err
}

// takeOver goes on with a run that this host has become the owner of.
func (r *Runs) takeOver(ctx context.Context, id string) {
	if err := r.forsake(ctx, id, r.cfg.Sharing.ID); err != nil { // what is left of it here is from before others had it
		r.cfg.Log.Error("run not resumed", "run", id, "error", err)
		return
	}
	head, err := r.cfg.Store.Find(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		r.cfg.Log.Error("run not resumed", "run", id, "error", err)
	case head.State == string(run.Created):
		r.goOn(ctx, id, r.Engine.Enqueue)
	default:
		r.goOn(ctx, id, r.adopt)
	}
}
