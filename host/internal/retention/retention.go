// Package retention owns how long things are kept: which finished runs go, and which artifacts nobody refers to any
// more. It marks and sweeps: what the journals of the runs that remain refer to stays, whatever kinds of events they
// hold.
//
// It needs no lock against runs that go on, because of one rule that everybody keeps: whoever writes an artifact's
// digest into a journal has put, touched, opened or fetched that artifact less than a Grace ago, or found it in an
// earlier event of the same run, or of a run that this one says it repeats. So what is neither marked nor new has
// nobody, and will have nobody. Runs that one which has not ended names in its first event stay; see Hold.
package retention

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// The policy unless somebody says otherwise.
const (
	DefaultRuns  = 30 * 24 * time.Hour
	DefaultGrace = 24 * time.Hour
)

// Policy says what may go.
type Policy struct {
	// Runs that ended longer ago than this go, unless they are pinned.
	Runs time.Duration
	// Cache is how many bytes results that are kept for later runs may take, with their artifacts: beyond it, those that
	// were used longest ago go. 0: as many as there are.
	Cache int64
	// Grace is how long an artifact stays after it was put or touched, even if no run refers to it: it may be on its
	// way into one. Well above artifacts.Renewed; 0: DefaultGrace.
	Grace time.Duration
}

// Logs are what runs said, one log each.
type Logs interface {
	// All lists the logs.
	All() ([]Log, error)
	// Remove removes the log of a run; an absent one is no error.
	Remove(run string) error
}

// Log is the log of one run.
type Log struct {
	Run     string
	Bytes   int64
	Written time.Time // last
}

// Config is what a Sweeper sweeps.
type Config struct {
	Journal   store.Journal
	Index     store.Index
	Runs      store.Keeper
	Artifacts artifacts.Keeper
	Logs      Logs
	// Cache keeps results, whose artifacts stay as well; nil: there are none.
	Cache cache.Store
	// Library gives the digests of what assets point to, which stays as well; nil: there are none.
	Library func(ctx context.Context) ([]string, error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Sweeper removes what a policy lets go. It is safe for concurrent use.
type Sweeper struct {
	cfg Config

	sweeping sync.Mutex

	mu   sync.Mutex
	held map[string]int  // runs that must not go now
	late map[string]bool // those that were let go of since the last sweep began
}

// ErrBusy says that another sweep is under way.
var ErrBusy = errors.New("another sweep, or a backup, is under way; try again when it is done")

// New makes a Sweeper.
func New(cfg Config) *Sweeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sweeper{cfg: cfg, held: map[string]int{}, late: map[string]bool{}}
}

// Why is the reason that something is kept, for one thing as for many.
type Why string

// The reasons.
const (
	NotEnded   Why = "not ended"
	Pinned     Why = "pinned"
	Recent     Why = "ended recently"
	Repeated   Why = "repeated by a run that has not ended"
	WentOn     Why = "went on meanwhile"
	Unreached  Why = "not reached, since the sweep broke off"
	ReferredTo Why = "referred to by runs, assets or kept results"
	Fresh      Why = "put or used recently"
)

// Amount is how many things there are, and their bytes.
type Amount struct {
	Count int
	Bytes int64
}

func (a *Amount) add(bytes int64) {
	a.Count++
	a.Bytes += bytes
}

// Run is what is decided of one run.
type Run struct {
	store.Head
	Bytes int64 // of its events
	Why   Why   // it is kept; empty: it goes
}

// Report is what goes, or went, and what is kept for which reason.
type Report struct {
	// Before is when a run must have ended to go.
	Before time.Time
	// Runs are all that the index lists, newest first.
	Runs []Run
	// Results, Artifacts and Logs go; KeptArtifacts stay. The bytes of a result are without its artifacts.
	Results, Artifacts, Logs Amount
	KeptArtifacts            map[Why]Amount
	// Journal is how many bytes the medium gets back from the journal; in a plan, the bytes of the events that go.
	Journal int64
}

// Gone counts the runs that go, or went.
func (r Report) Gone() int {
	n := 0
	for _, x := range r.Runs {
		if x.Why == "" {
			n++
		}
	}
	return n
}

// Freed is how many bytes the medium gets back.
func (r Report) Freed() int64 { return r.Results.Bytes + r.Artifacts.Bytes + r.Logs.Bytes + r.Journal }

// Empty says whether nothing goes.
func (r Report) Empty() bool {
	return r.Gone() == 0 && r.Results.Count == 0 && r.Artifacts.Count == 0 && r.Logs.Count == 0
}

// Hold keeps a run from going until the returned function is called, and no sweep that is under way then takes it
// either. Whoever is about to write its id into another run's first event holds it until that is durable. A run that is
// gone cannot be held: look for it afterwards.
func (s *Sweeper) Hold(id string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[id]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.late[id] = true
		if s.held[id]--; s.held[id] == 0 {
			delete(s.held, id)
		}
	}
}

// Still has nothing go until release is called. ErrBusy: a sweep is under way.
func (s *Sweeper) Still() (release func(), err error) {
	if !s.sweeping.TryLock() {
		return nil, ErrBusy
	}
	return s.sweeping.Unlock, nil
}

// begun forgets what the sweep that begins will see by itself.
func (s *Sweeper) begun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.late)
}

// unheld does something to a run, unless it is held.
func (s *Sweeper) unheld(id string, do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[id] > 0 || s.late[id] {
		return store.ErrConflict
	}
	return do()
}

// sift decides about every run that the index lists.
func (s *Sweeper) sift(ctx context.Context, before time.Time) ([]Run, error) {
	heads, err := s.cfg.Index.List(ctx, store.Query{})
	if err != nil {
		return nil, err
	}
	out := make([]Run, len(heads))
	at := map[string]int{}
	for i, h := range heads {
		out[i] = Run{Head: h, Why: keeps(h, before)}
		at[h.Run] = i
	}
	for _, x := range out {
		if x.Why != NotEnded {
			continue
		}
		named, err := s.names(ctx, x.Run)
		if err != nil {
			return nil, err
		}
		for _, id := range named {
			if i, known := at[id]; known && out[i].Why == "" {
				out[i].Why = Repeated
			}
		}
	}
	return out, nil
}

// names gives the values of the fields of a run's first event that are text: ids of other runs are among them.
func (s *Sweeper) names(ctx context.Context, id string) ([]string, error) {
	first, err := s.cfg.Journal.Read(ctx, id, 0, 1)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	var fields map[string]any
	if json.Unmarshal(first[0].Data, &fields) != nil {
		return nil, nil
	}
	var out []string
	for _, v := range fields {
		if text, ok := v.(string); ok {
			out = append(out, text)
		}
	}
	return out, nil
}

func keeps(h store.Head, before time.Time) Why {
	switch {
	case !run.Status(h.State).Ended():
		return NotEnded
	case h.Pinned:
		return Pinned
	case !h.Updated.Before(before):
		return Recent
	}
	return ""
}
