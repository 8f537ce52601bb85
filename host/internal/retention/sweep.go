package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Plan says what a sweep would remove now. It removes nothing.
func (s *Sweeper) Plan(ctx context.Context, p Policy) (Report, error) {
	now := s.cfg.Now()
	r := Report{Before: now.Add(-p.Runs)}
	var err error
	if r.Runs, err = s.sift(ctx, r.Before); err != nil {
		return r, err
	}
	going := map[string]*Run{}
	known := map[string]bool{}
	for i := range r.Runs {
		known[r.Runs[i].Run] = true
		if r.Runs[i].Why == "" {
			going[r.Runs[i].Run] = &r.Runs[i]
		}
	}
	results, err := s.results(ctx, &r, p, func(string) error { return nil })
	if err != nil {
		return r, err
	}
	m, err := s.mark(ctx, results, func(run string) bool {
		known[run] = true
		return going[run] != nil
	}, func(run string, bytes int) {
		going[run].Bytes += int64(bytes)
		r.Journal += int64(bytes)
	})
	if err != nil {
		return r, err
	}
	before := now.Add(-p.grace())
	if err := s.artifacts(ctx, &r, m, before, func(string) (bool, error) { return true, nil }); err != nil {
		return r, err
	}
	err = s.logs(&r, func(l Log) bool {
		return going[l.Run] != nil || !known[l.Run] && l.Written.Before(before)
	}, func(string) error { return nil })
	return r, err
}

// Sweep removes what the policy lets go. When it fails, the report tells what was removed before; nothing that is
// needed was, and the next sweep goes on.
func (s *Sweeper) Sweep(ctx context.Context, p Policy) (Report, error) {
	if !s.sweeping.TryLock() {
		return Report{}, ErrBusy
	}
	defer s.sweeping.Unlock()
	s.begun()
	now := s.cfg.Now() // before anything is looked at
	before := now.Add(-p.grace())
	r := Report{Before: now.Add(-p.Runs)}
	var err error
	if r.Runs, err = s.sift(ctx, r.Before); err != nil {
		return r, err
	}
	// The runs go first: what only they referred to is found unmarked then, also after a crash in between.
	if err := s.runs(ctx, &r); err != nil {
		return r, err
	}
	results, err := s.results(ctx, &r, p, func(key string) error { return s.cfg.Cache.Remove(ctx, key) })
	if err != nil {
		return r, err
	}
	known := map[string]bool{}
	m, err := s.mark(ctx, results, func(run string) bool {
		known[run] = true
		return false
	}, nil)
	if err != nil {
		return r, err
	}
	err = s.artifacts(ctx, &r, m, before, func(digest string) (bool, error) { return s.cfg.Artifacts.Remove(ctx, digest, before) })
	if err != nil {
		return r, err
	}
	gone := map[string]bool{}
	for _, x := range r.Runs {
		gone[x.Run] = x.Why == ""
	}
	err = s.logs(&r, func(l Log) bool {
		return gone[l.Run] || !known[l.Run] && l.Written.Before(before)
	}, s.cfg.Logs.Remove)
	if err != nil {
		return r, err
	}
	r.Journal, err = s.cfg.Runs.Shrink(ctx)
	return r, err
}

// results removes kept results that are beyond what they may take, and gives the others.
func (s *Sweeper) results(ctx context.Context, r *Report, p Policy, remove func(key string) error) ([]cache.Entry, error) {
	if s.cfg.Cache == nil {
		return nil, nil
	}
	all, err := s.cfg.Cache.List(ctx)
	if err != nil || p.Cache == 0 {
		return all, err
	}
	excess := cache.Excess(all, p.Cache)
	gone := map[string]bool{}
	for _, e := range excess {
		if err := remove(e.Key); err != nil {
			return nil, err
		}
		gone[e.Key] = true
		own := e.Size
		for _, a := range e.Artifacts() {
			own -= a.Size
		}
		r.Results.add(own)
	}
	return slices.DeleteFunc(all, func(e cache.Entry) bool { return gone[e.Key] }), nil
}

func (p Policy) grace() time.Duration {
	if p.Grace == 0 {
		return DefaultGrace
	}
	return p.Grace
}

// runs removes the runs that may go. One that has gone on since it was looked at, or was pinned, stays.
func (s *Sweeper) runs(ctx context.Context, r *Report) error {
	for i := range r.Runs {
		x := &r.Runs[i]
		if x.Why != "" {
			continue
		}
		err := s.unheld(x.Run, func() error { return s.remove(ctx, x.Head, r.Before) })
		switch {
		case errors.Is(err, store.ErrPinned):
			x.Why = Pinned
		case errors.Is(err, store.ErrConflict):
			x.Why = WentOn
		case err != nil && !errors.Is(err, store.ErrNotFound):
			for k := i; k < len(r.Runs); k++ {
				if r.Runs[k].Why == "" {
					r.Runs[k].Why = Unreached
				}
			}
			return err
		}
	}
	return nil
}

// remove removes a run as its head describes it. Events after those that the head tells of do not make it another one.
func (s *Sweeper) remove(ctx context.Context, h store.Head, before time.Time) error {
	err := s.cfg.Runs.Remove(ctx, h.Run, h.Seq)
	var c *store.ConflictError
	if !errors.As(err, &c) || c.Head <= h.Seq {
		return err
	}
	now, ferr := s.cfg.Index.Find(ctx, h.Run) // looked at after its journal was: if it was resumed, this says so
	if ferr != nil || now.Run != h.Run || now.Seq != h.Seq || keeps(now, before) != "" {
		return err
	}
	return s.cfg.Runs.Remove(ctx, h.Run, c.Head)
}

// artifacts removes what is neither marked nor new.
func (s *Sweeper) artifacts(ctx context.Context, r *Report, m *marks, before time.Time, remove func(digest string) (bool, error)) error {
	r.KeptArtifacts = map[Why]Amount{}
	keep := func(why Why, bytes int64) {
		a := r.KeptArtifacts[why]
		a.add(bytes)
		r.KeptArtifacts[why] = a
	}
	for held, err := range s.cfg.Artifacts.All(ctx) {
		if err != nil {
			return err
		}
		d, ok := parse([]byte(held.Digest))
		switch {
		case !ok:
			return fmt.Errorf("the store lists an artifact %q", held.Digest)
		case m.seen[d]:
			keep(ReferredTo, held.Size)
			continue
		case !held.Put.Before(before):
			keep(Fresh, held.Size)
			continue
		}
		removed, err := remove(held.Digest)
		if err != nil {
			return err
		}
		if removed {
			r.Artifacts.add(held.Size)
		} else {
			keep(Fresh, held.Size)
		}
	}
	return nil
}

// logs removes the logs that go, and those of runs that nobody knows: a crash came between the one and the other.
func (s *Sweeper) logs(r *Report, goes func(Log) bool, remove func(run string) error) error {
	all, err := s.cfg.Logs.All()
	if err != nil {
		return err
	}
	for _, l := range all {
		if !goes(l) {
			continue
		}
		if err := remove(l.Run); err != nil {
			return err
		}
		r.Logs.add(l.Bytes)
	}
	return nil
}
