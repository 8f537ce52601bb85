package host

import (
	"context"

	"github.com/myspinbot/spinbot/host/internal/app/host/advance"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// journalStore is what keeps runs.
type journalStore interface {
	store.Journal
	store.Index
	store.Keeper
	store.Keys
	store.Files
	store.Bills
	store.Meanings
	store.Nearest
	Commits() int64
	Stopped() error // why no more appends are taken; nil while they are
}

// openStore opens the file of this host, or the database that several hosts share.
func (h *Host) openStore(ctx context.Context) error {
	if h.cfg.Store == "" {
		s, err := sqlstore.Open(ctx, h.cfg.State.Database())
		if err == nil {
			h.store = s
		}
		return err
	}
	id, err := machine.Identity(h.cfg.State.Fleet(), "host")
	if err != nil {
		return err
	}
	s, err := pgstore.Open(ctx, h.cfg.Store, id)
	if err == nil {
		h.store, h.sharing = s, &advance.Sharing{Owner: s, Hosts: s, Records: s, Log: s, ID: id}
	}
	return err
}
