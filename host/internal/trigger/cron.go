package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/store"
)

const (
	// grace is how late a fire may be and still be on time: a host that was busy, or is started anew.
	grace = time.Minute
	// maxWaiting is how many fires of one trigger wait at most.
	maxWaiting = 100
)

// Run fires crons until ctx ends. It belongs to one goroutine.
func (t *Triggers) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := t.cfg.Look
		if next := t.tick(ctx); !next.IsZero() {
			wait = max(0, min(wait, next.Sub(t.cfg.Now())))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-t.wake:
		}
		timer.Stop()
	}
}

// tick fires what is due now, each trigger by itself, and says when the next one is.
func (t *Triggers) tick(ctx context.Context) (next time.Time) {
	if t.cfg.Leads != nil && !t.cfg.Leads() {
		return next
	}
	all, err := t.cfg.Pipelines(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.cfg.Log.Error("pipelines not looked at", "error", err)
		}
		return next
	}
	var mu sync.Mutex
	var working sync.WaitGroup
	for _, s := range all {
		if s.Pipeline == nil {
			continue
		}
		for _, tr := range s.Pipeline.Triggers {
			if tr.Kind != pipeline.Cron {
				continue
			}
			working.Go(func() {
				c := &cron{Triggers: t, p: s.Pipeline, tr: tr, r: t.record(s.Name, tr.Name), log: t.cfg.Log.With("trigger", s.Name+"/"+tr.Name)}
				due, err := c.advance(ctx)
				switch {
				case err == nil || ctx.Err() != nil:
				case errors.Is(err, store.ErrConflict):
					c.log.Debug("another host was first", "error", err) // what it left is found at the next look
				default:
					c.log.Error("trigger did not fire", "error", err)
				}
				mu.Lock()
				defer mu.Unlock()
				if !due.IsZero() && (next.IsZero() || due.Before(next)) {
					next = due
				}
			})
		}
	}
	working.Wait()
	return next
}

func scheduleOf(tr *pipeline.Trigger) string {
	return tr.Schedule.String() + " " + tr.Schedule.Timezone()
}

// advance settles everything up to now, and says when the trigger is due next; the zero time when it cannot tell.
func (c *cron) advance(ctx context.Context) (next time.Time, err error) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.s, err = c.r.begin(ctx); err != nil {
		return next, err
	}
	now := c.cfg.Now()
	if c.s.Schedule != scheduleOf(c.tr) { // new, or written anew: what was before does not count
		c.s.Schedule, c.s.Settled = scheduleOf(c.tr), now.Truncate(time.Second)
		if err := c.r.save(ctx, c.s); err != nil {
			return next, err
		}
	}
	if c.s.Intent != nil {
		if err := c.carryOut(ctx); err != nil {
			return next, err
		}
	}
	if err := c.due(ctx, now); err != nil {
		return next, err
	}
	if err := c.pump(ctx); err != nil {
		return next, err
	}
	return c.tr.Schedule.Next(c.s.Settled), nil
}

// cron is one trigger while it is advanced.
type cron struct {
	*Triggers
	p   *pipeline.Pipeline
	tr  *pipeline.Trigger
	r   *record
	s   *state
	log *slog.Logger
}

// due looks whether times of the schedule have come since it was settled. Of several only the last one fires.
func (c *cron) due(ctx context.Context, now time.Time) error {
	n, last := c.tr.Schedule.Between(c.s.Settled, now)
	if n == 0 {
		return nil
	}
	c.s.Settled = last
	late := now.Sub(last)
	switch {
	case late > grace && !c.tr.CatchUp:
		c.log.Warn("trigger missed", "times", n, "last", last, "fix", "catch_up = true fires once for what was missed")
		return c.skip(ctx, last, "no host was running, or it could make no runs")
	case n > 1 || late > grace:
		c.log.Warn("trigger fires once for times that were missed", "times", n, "last", last)
	}
	return c.fire(ctx, last)
}

// fire decides what becomes of a time that has come, as overlap says.
func (c *cron) fire(ctx context.Context, at time.Time) error {
	going, err := c.going(ctx)
	if err != nil {
		return err
	}
	switch {
	case !going && len(c.s.Waiting) == 0:
		return c.begin(ctx, at)
	case c.tr.Overlap != pipeline.OverlapQueue:
		c.log.Info("trigger skipped", "time", at, "run", c.s.Run)
		return c.skip(ctx, at, c.s.Run+" was still going")
	case len(c.s.Waiting) >= maxWaiting:
		c.log.Warn("trigger skipped", "time", at, "waiting", len(c.s.Waiting))
		return c.skip(ctx, at, fmt.Sprintf("%d fires were waiting already", len(c.s.Waiting)))
	}
	c.s.Waiting = append(c.s.Waiting, at)
	return c.r.save(ctx, c.s)
}

// skip leaves a time out.
func (c *cron) skip(ctx context.Context, at time.Time, why string) error {
	c.s.skip(at, why)
	err := c.r.save(ctx, c.s)
	if err == nil {
		c.cfg.Observe(c.p.Name, c.tr.Name, Skipped)
	}
	return err
}

// going says whether the trigger's last run goes on. Its end will wake what waits for it.
func (c *cron) going(ctx context.Context) (bool, error) {
	if c.s.Run == "" {
		return false, nil
	}
	if c.tr.Overlap == pipeline.OverlapQueue {
		c.await(c.s.Run) // first, so that an end from here on is told
	}
	ended, err := c.cfg.Runs.Ended(ctx, c.s.Run)
	return !ended, err
}

// pump begins the oldest fire that waits, when it can.
func (c *cron) pump(ctx context.Context) error {
	if len(c.s.Waiting) == 0 {
		return nil
	}
	if going, err := c.going(ctx); going || err != nil {
		return err
	}
	at := c.s.Waiting[0]
	c.s.Waiting = c.s.Waiting[1:]
	return c.begin(ctx, at)
}

// begin writes the intent down, and carries it out.
func (c *cron) begin(ctx context.Context, at time.Time) error {
	c.s.Intent = &intent{Time: at, Run: c.cfg.NewID(c.cfg.Now())}
	if err := c.r.save(ctx, c.s); err != nil {
		return err
	}
	return c.carryOut(ctx)
}

// carryOut makes the run of the intent. One that cannot be made for now keeps the intent, and is tried at the next look.
func (c *cron) carryOut(ctx context.Context) error {
	i := *c.s.Intent
	err := c.submit(ctx, c.p, c.tr, eval.TriggerEvent{Time: i.Time}, i.Run, ownerOf(c.tr))
	switch {
	case err == nil:
		c.log.Info("trigger fired", "time", i.Time, "run", i.Run)
		c.s.made(i.Time, i.Run)
	case hopeless(err):
		c.log.Error("trigger did not fire", "time", i.Time, "error", err)
		c.s.failed(c.cfg.Now(), err)
	case ctx.Err() != nil:
		return err
	default:
		c.s.failed(c.cfg.Now(), err)
		saved := c.r.save(ctx, c.s)
		if saved == nil {
			c.observe(ctx, c.p.Name, c.tr.Name, err)
		}
		return errors.Join(err, saved)
	}
	c.s.Intent = nil
	saved := c.r.save(ctx, c.s)
	if saved == nil {
		c.observe(ctx, c.p.Name, c.tr.Name, err)
	}
	return saved
}
