package advance

import (
	"context"
	"errors"

	"github.com/myspinbot/spinbot/host/internal/app/host/shape"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Advanced says whether a process advances a run, as far as this host knows: of what others own it believes that they do.
func (r *Runs) Advanced(id string) bool { return r.cfg.Sharing != nil || r.Active(id) }

// Ours refuses to change a run that another host goes on with.
func (r *Runs) Ours(ctx context.Context, id string) error {
	if r.cfg.Sharing == nil || r.Active(id) {
		return nil // an append would be refused
	}
	holder, err := r.cfg.Sharing.Owner.Holder(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // whoever reads it says so
	case err != nil:
		return err
	case holder == "" || holder == r.cfg.Sharing.ID:
		return nil
	}
	return shape.AtAnother(id, holder)
}

// ExplainElsewhere says of a run that another host advances that it does.
func (r *Runs) ExplainElsewhere(ctx context.Context, x client.Explained) error {
	if r.cfg.Sharing == nil || r.Active(x.Run) || len(x.List) == 0 || x.List[0].At != x.Run {
		return nil
	}
	holder, err := r.cfg.Sharing.Owner.Holder(ctx, x.Run)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if holder != "" && holder != r.cfg.Sharing.ID {
		x.List[0].Why, x.List[0].Next = "host "+holder+" advances it", ""
	}
	return nil
}
