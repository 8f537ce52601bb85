package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// state is what a trigger's record says. It is replaced as a whole, and never changed in place.
type state struct {
	// Schedule that Settled belongs to; with another one Settled begins anew.
	Schedule string `json:"schedule,omitempty"`
	// Settled is up to when all times of the schedule have fired, been skipped or are in Waiting.
	Settled time.Time `json:"settled,omitzero"`
	// Intent is a fire that has begun: its run is there, or will be made under the id that stands here.
	Intent *intent `json:"intent,omitempty"`
	// Waiting are fires that wait for the last run to end, oldest first.
	Waiting []time.Time `json:"waiting,omitempty"`
	// Fired and Run are of the last run made.
	Fired time.Time `json:"fired,omitzero"`
	Run   string    `json:"run,omitempty"`
	// Error and Failed are of the last fire, when it made no run.
	Error  string    `json:"error,omitempty"`
	Failed time.Time `json:"failed,omitzero"`
	// Skipped and Why are of the last time that was left out.
	Skipped time.Time `json:"skipped,omitzero"`
	Why     string    `json:"why,omitempty"`
	// Deliveries of a webhook, oldest first.
	Deliveries []delivery `json:"deliveries,omitempty"`

	revision int64 // that it was read at, where hosts share records
}

type intent struct {
	Time time.Time `json:"time"`
	Run  string    `json:"run"`
}

// delivery is a request that a webhook has taken.
type delivery struct {
	// Keys tell that a request is the same again.
	Keys []string  `json:"keys"`
	Run  string    `json:"run"`
	At   time.Time `json:"at"`
	// Made says that the run is there.
	Made bool `json:"made,omitempty"`
}

func (s *state) made(at time.Time, run string) {
	s.Fired, s.Run, s.Error, s.Failed = at, run, "", time.Time{}
}

func (s *state) failed(at time.Time, err error) { s.Error, s.Failed = err.Error(), at }

func (s *state) skip(at time.Time, why string) { s.Skipped, s.Why = at, why }

// record is a trigger's state: in a file, or where hosts keep theirs together. Whoever fires the trigger holds mu.
type record struct {
	path   string
	name   string
	shared store.Records // nil: it is in the file

	mu sync.Mutex
	// shown is the state as it is in the file; nil before it was read. Reading it takes no lock.
	shown atomic.Pointer[state]
}

func (t *Triggers) record(pipelineName, name string) *record {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := pipelineName + "/" + name
	r := t.records[key]
	if r == nil {
		r = &record{path: filepath.Join(t.cfg.Dir, pipelineName, name+".json"), name: "trigger " + key, shared: t.cfg.Records}
		t.records[key] = r
	}
	return r
}

// last gives the state that counts.
func (r *record) last(ctx context.Context) (state, error) {
	if r.shared != nil {
		return r.fromShared(ctx)
	}
	if s := r.shown.Load(); s != nil {
		return *s, nil
	}
	var s state
	raw, err := os.ReadFile(r.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return s, fmt.Errorf("the trigger's record: %w", err)
	default:
		if err := json.Unmarshal(raw, &s); err != nil {
			return state{}, fmt.Errorf("the trigger's record %s is damaged: %w; remove it, and the trigger begins anew", r.path, err)
		}
	}
	r.shown.CompareAndSwap(nil, &s)
	return *r.shown.Load(), nil
}

func (r *record) fromShared(ctx context.Context) (s state, err error) {
	raw, revision, err := r.shared.Record(ctx, r.name)
	if err == nil && revision > 0 {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return state{}, fmt.Errorf("the trigger's record: %w", err)
	}
	s.revision = revision
	return s, nil
}

// begin gives a copy of the state to change and to save.
func (r *record) begin(ctx context.Context) (*state, error) {
	s, err := r.last(ctx)
	if err != nil {
		return nil, err
	}
	s.Waiting, s.Deliveries = slices.Clone(s.Waiting), slices.Clone(s.Deliveries)
	return &s, nil
}

// save makes the state durable; when it returns an error the old one counts, or what another host has made of it: that is
// store.ErrConflict.
func (r *record) save(ctx context.Context, s *state) error {
	raw, err := json.Marshal(s)
	switch {
	case err != nil:
	case r.shared != nil:
		err = r.shared.Keep(ctx, r.name, raw, s.revision)
	default:
		err = replace(r.path, raw)
	}
	if err != nil {
		return fmt.Errorf("the trigger's record: %w", err)
	}
	s.revision++
	if r.shared != nil {
		return nil
	}
	kept := *s
	kept.Waiting, kept.Deliveries = slices.Clone(s.Waiting), slices.Clone(s.Deliveries)
	r.shown.Store(&kept)
	return nil
}

// change has the state changed and made durable: again, as long as other hosts are first. Of an error of fn nothing is saved.
func (r *record) change(ctx context.Context, fn func(*state) error) error {
	for {
		s, err := r.begin(ctx)
		if err == nil {
			err = fn(s)
		}
		if err == nil {
			err = r.save(ctx, s)
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// replace writes a file whole or not at all, and durably.
func replace(path string, raw []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone when it was renamed
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	for _, folder := range []string{dir, filepath.Dir(dir)} { // the second may hold a new one
		if err := syncDir(folder); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
