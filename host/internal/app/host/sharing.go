package host

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/sdk/client"
)

// journalStore is what keeps runs.
type journalStore interface {
	store.Journal
	store.Index
	store.Keeper
	store.Keys
	store.Files
	Commits() int64
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
		h.store, h.sharing = s, &sharing{owner: s, hosts: s, notes: s, log: s, id: id}
	}
	return err
}

// sharing is this host's part among several that keep their runs in one store.
type sharing struct {
	owner store.Ownership
	hosts store.Hosts
	notes store.Records // of triggers
	log   store.Log     // of what people did
	id    string        // this host's
	leads atomic.Bool   // it is the one that decides for all of them, as far as it knows
	read  atomic.Bool   // what it owned when it began has been listed: what it adopts is beside that
	heard time.Time     // it said then for the last time that it lives
	// adopts is from when on it takes others for dead: what kept it from saying that it lives may have kept them, too.
	adopts time.Time
}

// A host that dies is seen by another one within silentBeats beats and one more.
const (
	hostBeat    = 2 * time.Second
	silentBeats = 5
)

// unfinished gives the runs that this host has to go on with, oldest first.
func (h *Host) unfinished(ctx context.Context) ([]store.Head, error) {
	heads, err := h.store.List(ctx, store.Query{States: []string{string(run.Created), string(run.Running), string(run.Paused)}})
	if err != nil {
		return nil, err
	}
	ours := func(string) bool { return true }
	if h.sharing != nil {
		owned, err := h.owned(ctx)
		if err != nil {
			return nil, err
		}
		h.sharing.read.Store(true)
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

func (h *Host) owned(ctx context.Context) (map[string]bool, error) {
	ids, err := h.sharing.owner.Owned(ctx)
	owned := make(map[string]bool, len(ids))
	for _, id := range ids {
		owned[id] = true
	}
	return owned, err
}

// shareRuns says to other hosts that this one lives, and goes on with the runs of those that died.
func (h *Host) shareRuns(ctx context.Context) {
	if h.sharing == nil {
		return
	}
	h.cfg.Log.Info("shares its runs with other hosts", "host", h.sharing.id)
	beat := cmp.Or(h.cfg.HostBeat, hostBeat)
	h.sharing.heard = time.Now().Round(0)
	h.serving.Go(func() {
		for trouble := false; ctx.Err() == nil; {
			err := h.share(ctx, silentBeats*beat)
			if err != nil && !trouble && ctx.Err() == nil {
				h.cfg.Log.Warn("other hosts may take this one for dead: the store does not answer", "error", err)
			}
			trouble = err != nil
			select {
			case <-ctx.Done():
			case <-time.After(beat):
			}
		}
	})
}

// share says that this host lives, lets go of what others took while it could not say so, and takes what is left of those
// that died.
func (h *Host) share(ctx context.Context, silent time.Duration) error {
	short, cancel := context.WithTimeout(ctx, silent/2)
	adopted, err := h.tell(short, silent)
	cancel()
	for _, id := range adopted {
		h.cfg.Log.Warn("goes on with the run of a host that died", "run", id)
		h.takeOver(ctx, id)
		if e := h.beat(ctx, silent); e != nil { // there may be many
			err = e
		}
	}
	return err
}

// beat says that this host lives. When that comes late, the next share finds what others took.
func (h *Host) beat(ctx context.Context, silent time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, silent/2)
	defer cancel()
	now := time.Now().Round(0)
	err := h.sharing.owner.Beat(ctx)
	if err == nil && now.Sub(h.sharing.heard) <= silent/2 {
		h.sharing.heard = now
	}
	return err
}

// tell is what share asks and tells the store. It gives the runs that this host has become the owner of.
func (h *Host) tell(ctx context.Context, silent time.Duration) ([]string, error) {
	s, now := h.sharing, time.Now().Round(0) // the wall's: it goes on while the machine sleeps
	if err := s.owner.Beat(ctx); err != nil {
		s.leads.Store(false)
		return nil, err
	}
	if gap := now.Sub(s.heard); gap > silent/2 || gap < 0 {
		s.adopts = now.Add(silent)
		if err := h.letGo(ctx); err != nil {
			return nil, err
		}
	}
	s.heard = now
	leads, epoch, err := s.owner.Lead(ctx)
	if err != nil {
		return nil, err
	}
	if was := s.leads.Swap(leads); leads && !was {
		h.triggers.Wake()
	}
	sure := s.read.Load() && !now.Before(s.adopts)
	var dead []string
	if leads && sure {
		if dead, err = s.hosts.Dead(ctx, silent); err != nil {
			return nil, err
		}
	}
	if h.fleet != nil {
		h.fleet.link.Dead(dead) // agents are told what to forget that they hold for them
		if err := h.tellLeader(ctx, leads, epoch, now, dead, silent); err != nil {
			return nil, err
		}
	}
	if !sure {
		return nil, nil
	}
	return s.owner.Adopt(ctx, silent)
}

// letGo has this host stop what it does for runs that others have adopted.
func (h *Host) letGo(ctx context.Context) error {
	had := h.actives() // before: what is made meanwhile is owned
	owned, err := h.owned(ctx)
	if err != nil {
		return err
	}
	for _, id := range had {
		if owned[id] {
			continue
		}
		if err := h.letGoOf(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) letGoOf(ctx context.Context, id string) error {
	h.taking.Lock() // nobody resumes it meanwhile
	defer h.taking.Unlock()
	holder, err := h.sharing.owner.Holder(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) || holder == h.sharing.id {
		return err
	}
	return h.forsake(ctx, id, holder)
}

// forsake has nothing of a run left here, whatever is under way.
func (h *Host) forsake(ctx context.Context, id, holder string) error {
	err := h.engine.LetGo(ctx, run.ID(id), &store.NotOwnedError{Run: id, Host: holder})
	if err == nil {
		h.setActive(id, false)
	}
	return err
}

func (h *Host) actives() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.active))
}

// takeOver goes on with a run that this host has become the owner of.
func (h *Host) takeOver(ctx context.Context, id string) {
	if err := h.forsake(ctx, id, h.sharing.id); err != nil { // what is left of it here is from before others had it
		h.cfg.Log.Error("run not resumed", "run", id, "error", err)
		return
	}
	head, err := h.store.Find(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		h.cfg.Log.Error("run not resumed", "run", id, "error", err)
	case head.State == string(run.Created):
		h.goOn(ctx, id, h.engine.Enqueue)
	default:
		h.goOn(ctx, id, h.adopt)
	}
}

// isAdvanced says whether a process advances a run, as far as this host knows: of what others own it believes that they do.
func (h *Host) isAdvanced(id string) bool { return h.sharing != nil || h.isActive(id) }

// ours refuses to change a run that another host goes on with.
func (h *Host) ours(ctx context.Context, id string) error {
	if h.sharing == nil || h.isActive(id) {
		return nil // an append would be refused
	}
	holder, err := h.sharing.owner.Holder(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // whoever reads it says so
	case err != nil:
		return err
	case holder == "" || holder == h.sharing.id:
		return nil
	}
	return atAnother(id, holder)
}

// explainElsewhere says of a run that another host advances that it does.
func (h *Host) explainElsewhere(ctx context.Context, x client.Explained) error {
	if h.sharing == nil || h.isActive(x.Run) || len(x.List) == 0 || x.List[0].At != x.Run {
		return nil
	}
	holder, err := h.sharing.owner.Holder(ctx, x.Run)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if holder != "" && holder != h.sharing.id {
		x.List[0].Why, x.List[0].Next = "host "+holder+" advances it", ""
	}
	return nil
}

// atAnother says where a run is that this host cannot change.
func atAnother(id, holder string) error {
	if holder == "" {
		return &client.Problem{Code: client.CodeConflict, Detail: id + " went on at another host, and has ended there", Fix: "spinbot show " + id + " says how"}
	}
	return &client.Problem{Code: client.CodeConflict, Detail: id + " is advanced by host " + holder + ", which shares the store with this one",
		Fix: "say it to that host; were it dead, another would go on with the run in a few seconds"}
}
