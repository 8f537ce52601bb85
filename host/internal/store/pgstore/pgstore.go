// Package pgstore keeps the journal and the index in a PostgreSQL database, in its schema spinbot, for one host or several.
//
// It owns that schema. Appends of all runs that arrive while a commit is under way share the next one, which is one call
// of a function of the database: there, in one transaction, the session and the owner of each run are checked, the events
// stored and whoever listens told. Groups are numbered, so that one whose outcome got lost with the connection is sent
// again and stored once. What is asked while the server is away waits until it is back, for Patience at most.
//
// A session is one Open as some host; a later one of the same host fences it. See RATIONALE.md.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgfiles"
)

// Patience is how long the server may be away before what waits for it fails.
const Patience = time.Minute

const (
	closeFor     = 5 * time.Second // appends under way get that long when the store is closed
	pendingGuess = 64
)

// Store is a store.Journal, store.Index, store.Keeper and store.Ownership in a database, with the artifacts of its runs.
type Store struct {
	*pgfiles.Table
	name     string // of the database, for people; never with a password
	host     string
	session  int64
	config   *pgx.ConnConfig
	password string
	read     *pgxpool.Pool
	living   *pgxpool.Pool // for Ownership alone: readers must not keep a host from saying that it lives
	watchers store.Watchers
	heard    atomic.Pointer[func(run string)] // of what other hosts append
	patience time.Duration
	maxLog   int64
	commits  atomic.Int64
	w        *writer
	own      epochs

	queue struct {
		sync.Mutex
		pending []*item
		want    int   // of them, for full; 0: nobody waits
		end     error // why no more are taken; nil while open
	}
	wake chan struct{} // holds one value when pending is not empty
	full chan struct{} // holds one value when there are as many as are wanted
	done chan struct{} // closed when the writer has gone

	adopting  sync.Mutex
	adoptions int64 // that this session knows to be done

	alive     context.Context // ends all but appends when the store is closed; the cause is ErrClosed
	die       context.CancelCauseFunc
	listening chan struct{} // closed when the listener has gone
	fresh     chan struct{} // holds one value when there may be runs to note
	noting    chan struct{} // closed when nobody notes any more
	closing   sync.Once
}

// Open opens the store in the database at url (postgres://user:password@host:port/database, or libpq's key=value pairs) as
// the named host, making its schema when there is none, and fences whoever had opened it as that host before. What an
// earlier session of this host owned is this one's. A database that a newer version wrote is refused and left as it is.
func Open(ctx context.Context, url, host string) (*Store, error) {
	s := &Store{host: host, patience: Patience, maxLog: store.MaxLog, wake: make(chan struct{}, 1), full: make(chan struct{}, 1), done: make(chan struct{}),
		listening: make(chan struct{}), fresh: make(chan struct{}, 1), noting: make(chan struct{})}
	if err := s.configure(url); err != nil {
		return nil, err
	}
	s.Table = pgfiles.New(pgfiles.Config{Pool: s.read, Insist: s.insist, Say: s.say})
	s.alive, s.die = context.WithCancelCause(context.Background())
	if err := s.open(ctx); err != nil {
		s.die(store.ErrClosed)
		if s.w != nil {
			s.w.drop()
		}
		s.read.Close()
		s.living.Close()
		return nil, s.explain("open", err)
	}
	return s, nil
}

// Look asks the database for its version and its clock, and changes nothing there.
func Look(ctx context.Context, url string) (version string, clock time.Time, err error) {
	s := &Store{host: "look", patience: Patience}
	if err := s.configure(url); err != nil {
		return "", time.Time{}, err
	}
	defer s.read.Close()
	defer s.living.Close()
	conn, err := s.reach(ctx)
	if err == nil {
		defer hangUp(conn)
		err = conn.QueryRow(ctx, "SELECT current_setting('server_version'), clock_timestamp()").Scan(&version, &clock)
	}
	return version, clock, s.explain("look", err)
}

// LookVector gives the version of pgvector that the server has, or says what lacks, and changes nothing there.
func LookVector(ctx context.Context, url string) (version, lacks string, err error) {
	s := &Store{host: "look", patience: Patience}
	if err := s.configure(url); err != nil {
		return "", "", err
	}
	defer s.read.Close()
	defer s.living.Close()
	version, lacks, err = pgfiles.Offered(ctx, s.read)
	return version, lacks, s.explain("look", err)
}

func (s *Store) open(ctx context.Context) (err error) {
	conn, err := s.reach(ctx)
	if err != nil {
		return err
	}
	s.w = newWriter(s, conn)
	if err := migrate(ctx, conn); err != nil {
		return err
	}
	if err := s.begin(ctx, conn); err != nil {
		return err
	}
	listener, err := s.listener(ctx)
	if err != nil {
		return err
	}
	go s.listen(listener)
	go s.w.run()
	poke(s.fresh) // of what an older version stored nothing is noted
	go s.noteTexts()
	return nil
}

// Commits says how many groups of appends were committed since Open.
func (s *Store) Commits() int64 { return s.commits.Load() }

// Close waits for appends under way, gives the lead back if this host has it, and lets go of the database. The host's runs
// stay its own. Closing again does nothing.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.end(fmt.Errorf("store %s: %w", s.name, store.ErrClosed))
		s.die(store.ErrClosed)
		select {
		case <-s.done:
		case <-time.After(min(closeFor, s.patience)):
			s.w.stopped(errors.New("the store was closed while the server was away"))
			<-s.done
		}
		<-s.listening
		<-s.noting
		s.watchers.Close()
		s.w.abdicate()
		s.w.drop()
		s.read.Close()
		s.living.Close()
	})
	return nil
}

// end takes no more appends; the first reason stays.
func (s *Store) end(why error) {
	s.queue.Lock()
	defer s.queue.Unlock()
	if s.queue.end == nil {
		s.queue.end = why
	}
	poke(s.wake)
}

// ended tells a closed store from a failing one.
func (s *Store) ended(err error) error {
	if s.alive.Err() != nil {
		return fmt.Errorf("store %s: %w", s.name, store.ErrClosed)
	}
	return err
}

// Stopped gives why no more appends are taken until the journal is opened anew, an ErrStopped; nil while they are.
func (s *Store) Stopped() error {
	s.queue.Lock()
	defer s.queue.Unlock()
	if errors.Is(s.queue.end, store.ErrStopped) {
		return s.queue.end
	}
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Watch implements store.Journal. What other hosts append is seen too.
func (s *Store) Watch(ctx context.Context, run string) <-chan struct{} {
	return s.watchers.Watch(ctx, run)
}

// insist asks the server until it answers, fails for good or has been away for too long.
func (s *Store) insist(ctx context.Context, ask func(context.Context) error) error {
	if s.alive.Err() != nil {
		return s.ended(nil)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.alive, func() { cancel(store.ErrClosed) })()
	return s.again(ctx, ask)
}

const maxPause = time.Second // between two tries

// again is insist for who goes on while the store closes.
func (s *Store) again(ctx context.Context, ask func(context.Context) error) error {
	var until time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, maxPause) {
		err := ask(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passing(err):
			return err
		case until.IsZero():
			until = time.Now().Add(s.patience)
		case !time.Now().Add(pause).Before(until):
			return &awayError{s.patience, err}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
