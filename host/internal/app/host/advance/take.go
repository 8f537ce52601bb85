package advance

import (
	"context"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
)

// TakeUp makes this process advance a run, unless it does already.
func (r *Runs) TakeUp(ctx context.Context, id string, take func(context.Context, run.ID) error) error {
	if r.Active(id) {
		return nil
	}
	if err := r.cfg.Look(ctx); err != nil {
		return err
	}
	return r.takeOne(ctx, id, take)
}

func (r *Runs) takeOne(ctx context.Context, id string, take func(context.Context, run.ID) error) error {
	r.taking.Lock()
	defer r.taking.Unlock()
	if r.Active(id) {
		return nil
	}
	r.Set(id, true) // before it can end
	err := take(ctx, run.ID(id))
	if err != nil {
		r.Set(id, false)
	}
	return err
}

// ResumeAll goes on with every run that was interrupted, and puts those that had not begun back into the queue; one
// that cannot is logged and left as it is. New runs may be made meanwhile.
func (r *Runs) ResumeAll(ctx context.Context) error {
	heads, err := r.unfinished(ctx)
	if err != nil {
		return err
	}
	if err := r.cfg.Look(ctx); err != nil {
		return err
	}
	for _, head := range heads {
		if head.State != string(run.Created) {
			r.goOn(ctx, head.Run, r.adopt)
		}
	}
	r.Engine.Reading(false)
	for _, head := range heads {
		if head.State == string(run.Created) {
			r.goOn(ctx, head.Run, r.Engine.Enqueue)
		}
	}
	return nil
}

func (r *Runs) goOn(ctx context.Context, id string, take func(context.Context, run.ID) error) {
	if ctx.Err() != nil {
		return
	}
	if err := r.takeOne(ctx, id, take); err != nil && !errors.Is(err, engine.ErrEnded) && ctx.Err() == nil {
		r.cfg.Log.Error("run not resumed", "run", id, "error", err)
	}
}

func (r *Runs) adopt(ctx context.Context, id run.ID) error {
	if err := r.Engine.Ready(ctx, id); err != nil {
		return err
	}
	return r.Engine.Adopt(ctx, id)
}

// TakeBack takes a run that has not begun into the queue again.
func (r *Runs) TakeBack(ctx context.Context, id string) error {
	return r.TakeUp(ctx, id, func(ctx context.Context, id run.ID) error { return r.Engine.Enqueue(ctx, id) })
}
