package trigger

import (
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

// record is a trigger's state on disk. Whoever fires the trigger holds mu.
type record struct {
	path string

	mu sync.Mutex
	// shown is the state as it is on disk; nil before it was read. Reading it takes no lock.
	shown atomic.Pointer[state]
}

func (t *Triggers) record(pipelineName, name string) *record {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := pipelineName + "/" + name
	r := t.records[key]
	if r == nil {
		r = &record{path: filepath.Join(t.cfg.Dir, pipelineName, name+".json")}
		t.records[key] = r
	}
	return r
}

// last gives the state as it is on disk.
func (r *record) last() (state, error) {
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

// begin gives a copy of the state to change and to save.
func (r *record) begin() (*state, error) {
	s, err := r.last()
	if err != nil {
		return nil, err
	}
	s.Waiting, s.Deliveries = slices.Clone(s.Waiting), slices.Clone(s.Deliveries)
	return &s, nil
}

// save makes the state durable; when it returns an error the old one counts.
func (r *record) save(s *state) error {
	raw, err := json.Marshal(s)
	if err == nil {
		err = replace(r.path, raw)
	}
	if err != nil {
		return fmt.Errorf("the trigger's record: %w", err)
	}
	kept := *s
	kept.Waiting, kept.Deliveries = slices.Clone(s.Waiting), slices.Clone(s.Deliveries)
	r.shown.Store(&kept)
	return nil
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
