package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	every = time.Hour
	delay = 24 * time.Hour // between saying what would go and removing it
)

// Schedule sweeps by itself. The first time that something would go, it only says so; from a day later on it removes.
// A sweep by hand counts as having been told.
type Schedule struct {
	Sweeper *Sweeper
	Policy  Policy
	// File is where it is kept that somebody was told.
	File string
}

// Run sweeps at once and then every hour, until ctx ends.
func (s *Schedule) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.once(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrBusy) {
			s.Sweeper.cfg.Log.Error("retention: sweep broke off; it is tried again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Schedule) once(ctx context.Context) error {
	c, err := readConsent(s.File)
	if err != nil {
		return err
	}
	now := s.Sweeper.cfg.Now()
	switch {
	case !c.covers(s.Policy):
		return s.announce(ctx, now)
	case now.Before(c.Due):
		return nil
	}
	r, err := s.Sweeper.Sweep(ctx, s.Policy)
	if !r.Empty() {
		s.Sweeper.cfg.Log.Info("retention: swept", "runs", r.Gone(), "artifacts", r.Artifacts.Count, "freed", sdk.FormatSize(r.Freed()))
	}
	return err
}

// announce says what would go and when, if anything would.
func (s *Schedule) announce(ctx context.Context, now time.Time) error {
	r, err := s.Sweeper.Plan(ctx, s.Policy)
	if err != nil || r.Empty() {
		return err
	}
	c := consent{s.Policy.Runs, now.Add(delay)}
	if err := c.write(s.File); err != nil {
		return err
	}
	s.Sweeper.cfg.Log.Warn(fmt.Sprintf("retention: %s%s and %s (%s) will be removed after %s, and from then on every hour what ended %s; "+
		"spinbot gc --dry-run lists them, spinbot runs pin RUN keeps a run, serve --retain off keeps everything",
		count(r.Gone(), "run"), results(r), count(r.Artifacts.Count, "artifact"), sdk.FormatSize(r.Freed()), c.Due.Local().Format("2 Jan 15:04"), days(s.Policy.Runs)))
	return nil
}

// ByHand sweeps for a person, who thereby knows what goes: what the schedule does with the same policy needs no
// announcement.
func (s *Schedule) ByHand(ctx context.Context, p Policy) (Report, error) {
	r, err := s.Sweeper.Sweep(ctx, p)
	if err != nil {
		return r, err
	}
	c, err := readConsent(s.File)
	if err == nil && (c.Due.IsZero() || p.Runs <= c.Runs) {
		err = consent{p.Runs, s.Sweeper.cfg.Now()}.write(s.File)
	}
	return r, err
}

// results tells of kept results, if any.
func results(r Report) string {
	if r.Results.Count == 0 {
		return ""
	}
	return ", " + count(r.Results.Count, "kept result")
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func days(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return count(int(d/(24*time.Hour)), "day") + " ago"
	}
	return d.String() + " ago"
}
