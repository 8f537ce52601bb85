// Package search finds artifacts by what they are about. In the background, and only while nobody else wants the devices, it has a
// model make a vector of what describes each artifact; whoever searches has one made of his words, and gets those that lie nearest. What
// is done is what the store has: there is no other place to go on from after a crash.
package search

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// The bounds of the work in the background.
const (
	atOnce   = 32               // artifacts that are described together
	settle   = 2 * time.Second  // after something was made, until it is described: more may come
	lookUp   = 10 * time.Minute // what nobody has told of is found that late
	firstTry = 5 * time.Second  // after a failure; then twice as long each time
	lastTry  = 5 * time.Minute
	yielded  = 10 * time.Second // after the devices were wanted by a run
)

// The bounds of a search.
const (
	Most     = 500 // files that one search finds, on all pages
	askFor   = 15 * time.Second
	asked    = 64 // searches whose vectors are remembered
	MaxAbout = 500
)

// Store is what search keeps.
type Store interface {
	store.Meanings
	store.Nearest
}

// Config is what search works with. Every part has to be there.
type Config struct {
	Model string
	Store Store
	// Describe gives the texts that say what files are about, in their order.
	Describe func(ctx context.Context, files []store.File) ([]string, error)
	// Embed makes vectors of texts, all of as many numbers. eager: a person waits for it; else it gives way to whoever wants devices.
	Embed func(ctx context.Context, texts []string, eager bool) ([][]float32, error)
	// Rests says why nothing is to be described now; empty: it may be.
	Rests func() string
	Log   *slog.Logger
}

// State is how far it is.
type State struct {
	Model      string
	Dimensions int // 0: not known yet
	store.Described
	// Problem is why it does not go on; empty: it does.
	Problem string
	// Failures counts what was tried in vain since the host began.
	Failures int64
}

// Search is safe for concurrent use.
type Search struct {
	cfg  Config
	wake chan struct{}

	mu    sync.Mutex
	state State
	said  string // the problem that was logged last
	known map[string]*list.Element
	order *list.List // of remembered, the last used first
}

type remembered struct {
	about  string
	vector []float32
}

// New begins nothing: see Run.
func New(c Config) *Search {
	return &Search{cfg: c, wake: make(chan struct{}, 1), state: State{Model: c.Model}, known: map[string]*list.Element{}, order: list.New()}
}

// Wake says that there may be something to describe.
func (s *Search) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// State says how far it is, as of the last look.
func (s *Search) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Changed has the artifact described anew: people say something else of it.
func (s *Search) Changed(ctx context.Context, digest string) error {
	err := s.cfg.Store.Forget(ctx, digest)
	s.Wake()
	return err
}

// space is what the model's vectors have in common; false: it has made none yet.
func (s *Search) space() (store.Space, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Space{Model: s.cfg.Model, Dimensions: s.state.Dimensions}, s.state.Dimensions > 0
}

// UnavailableError says that there is no search by meaning now, and why.
type UnavailableError struct{ Why string }

// Error says it.
func (e *UnavailableError) Error() string {
	return "what the words mean could not be found out: " + e.Why
}

// Find gives the files that q selects and that are most about something, from the skip-th on, and whether there may be more behind them.
func (s *Search) Find(ctx context.Context, about string, q store.FileQuery, skip int) (found []store.Near, more bool, err error) {
	vector, err := s.vector(ctx, about)
	if err != nil {
		return nil, false, err
	}
	most := q.Limit
	q.Limit = min(most+1, Most-skip)
	if q.Limit <= 0 {
		return nil, false, nil
	}
	found, err = s.cfg.Store.Nearest(ctx, store.Space{Model: s.cfg.Model, Dimensions: len(vector)}, vector, q, skip)
	if more = len(found) > most; more {
		found = found[:most]
	}
	return found, more, err
}

// vector gives that of a person's words, in one request.
func (s *Search) vector(ctx context.Context, about string) ([]float32, error) {
	about = strings.Join(strings.Fields(about), " ")
	if v := s.remembers(about); v != nil {
		return v, nil
	}
	short, cancel := context.WithTimeoutCause(ctx, askFor, fmt.Errorf("it took longer than %v", askFor))
	defer cancel()
	got, err := s.cfg.Embed(short, []string{prefixes(s.cfg.Model).query + about}, true)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case short.Err() != nil && err != nil:
		return nil, &UnavailableError{fmt.Sprintf("%v: %v", context.Cause(short), err)}
	case err != nil:
		return nil, &UnavailableError{err.Error()}
	case len(got) != 1 || !store.Unit(got[0]):
		return nil, &UnavailableError{s.cfg.Model + " made no vector of them"}
	}
	s.remember(about, got[0])
	return got[0], nil
}

func (s *Search) remembers(about string) []float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.known[about]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(remembered).vector
}

func (s *Search) remember(about string, vector []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[about] == nil {
		s.known[about] = s.order.PushFront(remembered{about, vector})
	}
	if s.order.Len() > asked {
		delete(s.known, s.order.Remove(s.order.Back()).(remembered).about)
	}
	s.found(len(vector))
}

// found notes of how many numbers the model's vectors are; it holds the lock.
func (s *Search) found(dimensions int) {
	if was := s.state.Dimensions; was != 0 && was != dimensions {
		s.cfg.Log.Warn("the model of search is another one under the same name: everything is described anew", "model", s.cfg.Model, "numbers", dimensions, "before", was)
		s.known, s.order = map[string]*list.Element{}, list.New()
	}
	s.state.Dimensions = dimensions
}

// Run describes what there is, and then what comes, until ctx ends.
func (s *Search) Run(ctx context.Context) {
	wait := time.Duration(0)
	for again := firstTry; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-s.wakes(wait):
			if !sleep(ctx, settle) {
				return
			}
		}
		began := time.Now()
		more, err := s.some(ctx)
		s.count(ctx)
		switch yes := (*sdk.Error)(nil); {
		case ctx.Err() != nil:
			return
		case errors.As(err, &yes) && yes.Cause == sdk.CausePreempted:
			wait = yielded
		case err != nil:
			s.failed(err)
			wait, again = again, min(2*again, lastTry)
		case more:
			wait, again = min(time.Since(began), time.Minute), firstTry // as long as it took: others work here, too
			s.well()
		default:
			wait, again = lookUp, firstTry
			s.well()
		}
	}
}

// wakes is who wakes it while it has nothing to do; while it waits to go on, or to try again, nobody does.
func (s *Search) wakes(wait time.Duration) <-chan struct{} {
	if wait < lookUp {
		return nil
	}
	return s.wake
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// count looks how far it is.
func (s *Search) count(ctx context.Context) {
	in, _ := s.space()
	d, err := s.cfg.Store.Described(ctx, in)
	if err != nil {
		return // whoever writes there says so
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Described = d
}

func (s *Search) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Failures++
	s.state.Problem = err.Error()
	if s.said != s.state.Problem {
		s.said = s.state.Problem
		s.cfg.Log.Warn("artifacts are not described for search; it is tried again", "model", s.cfg.Model, "error", err)
	}
}

func (s *Search) well() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Problem, s.said = s.rests(), ""
}

func (s *Search) rests() string { return s.cfg.Rests() }

// some describes a few artifacts, and says whether there were any.
func (s *Search) some(ctx context.Context) (more bool, err error) {
	if s.rests() != "" {
		return false, nil
	}
	in, known := s.space()
	if !known {
		if in, err = s.probe(ctx); err != nil {
			return false, err
		}
	}
	files, err := s.cfg.Store.Undescribed(ctx, in, atOnce)
	if err != nil || len(files) == 0 {
		return false, err
	}
	texts, err := s.cfg.Describe(ctx, files)
	if err != nil {
		return false, err
	}
	meanings, err := s.meanings(ctx, in, files, texts)
	if err != nil {
		return false, err
	}
	return true, s.cfg.Store.Describe(ctx, in, meanings)
}

// probe finds out whether the model is there, and of how many numbers its vectors are.
func (s *Search) probe(ctx context.Context) (store.Space, error) {
	got, err := s.cfg.Embed(ctx, []string{"a picture"}, false)
	if err != nil {
		return store.Space{}, err
	}
	if len(got) != 1 || !store.Unit(got[0]) {
		return store.Space{}, fmt.Errorf("the model %s makes no vectors: name one that does in the block search of spinbot.hcl, such as nomic-embed-text", s.cfg.Model)
	}
	s.mu.Lock()
	s.found(len(got[0]))
	s.mu.Unlock()
	in, _ := s.space()
	return in, nil
}

// meanings makes the vectors of texts, of equal ones once. When the model takes not all of them, those that it refuses have none.
func (s *Search) meanings(ctx context.Context, in store.Space, files []store.File, texts []string) ([]store.Meaning, error) {
	var once []string
	place := map[string]int{}
	for _, text := range texts {
		if _, there := place[text]; !there {
			place[text] = len(once)
			once = append(once, prefixes(s.cfg.Model).document+text)
		}
	}
	vectors, problems, err := s.vectors(ctx, in, once)
	if err != nil {
		return nil, err
	}
	out := make([]store.Meaning, len(files))
	for k, f := range files {
		at := place[texts[k]]
		out[k] = store.Meaning{Num: f.Num, Vector: vectors[at], Problem: problems[at]}
	}
	return out, nil
}

func (s *Search) vectors(ctx context.Context, in store.Space, texts []string) (vectors [][]float32, problems []string, err error) {
	vectors, problems = make([][]float32, len(texts)), make([]string, len(texts))
	got, err := s.cfg.Embed(ctx, texts, false)
	if err == nil {
		return vectors, problems, s.fill(in, texts, got, vectors, problems)
	}
	if refused := (*sdk.Error)(nil); len(texts) == 0 || !errors.As(err, &refused) || !refused.Permanent {
		return nil, nil, err
	}
	if _, e := s.probe(ctx); e != nil { // it is not the texts
		return nil, nil, e
	}
	for k, text := range texts {
		got, err := s.cfg.Embed(ctx, []string{text}, false)
		if refused := (*sdk.Error)(nil); errors.As(err, &refused) && refused.Permanent {
			problems[k] = refused.Message
			continue
		}
		if err == nil {
			err = s.fill(in, texts[k:k+1], got, vectors[k:k+1], problems[k:k+1])
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return vectors, problems, nil
}

// fill takes over what the model has made. Vectors of another length than before are of another model.
func (s *Search) fill(in store.Space, texts []string, got, vectors [][]float32, problems []string) error {
	if len(got) != len(texts) {
		return fmt.Errorf("%s made %d vectors of %d texts", s.cfg.Model, len(got), len(texts))
	}
	for k, v := range got {
		if len(v) != in.Dimensions {
			s.mu.Lock()
			s.found(len(v))
			s.mu.Unlock()
			return fmt.Errorf("%s makes vectors of %d numbers now, and made some of %d before: they cannot be compared, and all artifacts are described anew", s.cfg.Model, len(v), in.Dimensions)
		}
		if vectors[k] = v; !store.Unit(v) {
			vectors[k], problems[k] = nil, "the model made no vector of it"
		}
	}
	return nil
}
