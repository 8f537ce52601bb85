// Package sqlstore keeps the journal and the index in one SQLite file.
//
// It owns the file's schema and the order of writes to it. Appends of all runs that arrive while a commit is
// under way share the next one; a lone append is one transaction and one sync. Each append is one row, in append
// order; it points to its run's previous row, so that writing touches only the end of the table. Where each run's
// chain ends is kept in memory and written down every so often (a mark), so that opening reads only the rows
// after the last mark. See RATIONALE.md.
//
// One process at a time: a second writer is noticed by the row numbers it takes, and stops the first.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sqlfiles"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

const (
	readers      = 4      // connections for reading
	markEvery    = 8192   // rows between two marks
	maxTails     = 50_000 // runs kept in memory; all are dropped at the next mark when there are more
	pragmas      = "vfs=" + sumvfs.Name + "&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(1000)&_pragma=journal_size_limit(67108864)"
	readPragmas  = "vfs=" + sumvfs.Name + "&_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	pendingGuess = 64
)

// Store is a store.Journal and a store.Index in a file, with the artifacts of its runs.
type Store struct {
	*sqlfiles.Table
	path     string
	read     *sql.DB
	watchers store.Watchers
	chain    *sql.Stmt
	rows     *sql.Stmt // one by its id
	w        *writer
	commits  atomic.Int64

	queue struct {
		sync.Mutex
		pending []*item
		want    int   // of them, for full; 0: nobody waits
		end     error // why no more are taken; nil while open
	}
	wake chan struct{} // holds one value when pending is not empty
	full chan struct{} // holds one value when there are as many as are wanted
	done chan struct{} // closed when the writer has gone

	fresh  chan struct{} // holds one value when there may be runs to note
	noting chan struct{} // closed when nobody notes any more

	mu    sync.RWMutex
	tails map[string]tail // durable ends of chains; a run that is absent has its true end in the table runs

	closing sync.Once
	closed  error
}

// tail is where a run's chain of rows ends.
type tail struct {
	num int64  // the run's number in the tables
	row int64  // its last row
	seq uint64 // its last event
	old bool   // the table may know a later one
}

// Open opens the store in the file at path, making the file and its schema when there is none. A file that is
// damaged, is not a store or was written by a newer version is refused and left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	if err := sumvfs.Register(); err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &Store{path: abs, wake: make(chan struct{}, 1), full: make(chan struct{}, 1), done: make(chan struct{}), tails: map[string]tail{},
		fresh: make(chan struct{}, 1), noting: make(chan struct{})}
	if err = sumvfs.Check(abs); err != nil {
		return nil, s.explain("open", err)
	}
	if s.w, err = openWriter(s, dsn(abs, pragmas)); err != nil {
		return nil, s.explain("open", err)
	}
	if s.read, err = sql.Open("sqlite", dsn(abs, readPragmas)); err != nil {
		_ = s.w.conn.Close()
		return nil, s.explain("open", err)
	}
	s.Table = sqlfiles.New(sqlfiles.Config{Read: s.read, Write: s.write, Explain: s.filesError})
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err = s.w.load(ctx); err != nil {
		_ = s.read.Close()
		_ = s.w.conn.Close()
		return nil, s.explain("open", err)
	}
	if err = s.prepare(ctx); err != nil {
		_ = s.read.Close()
		_ = s.w.conn.Close()
		return nil, s.explain("open", err)
	}
	go s.w.run()
	poke(s.fresh) // of an older version's file none is noted
	go s.noteTexts()
	return s, nil
}

// prepare compiles what every Read asks.
func (s *Store) prepare(ctx context.Context) (err error) {
	if s.chain, err = s.read.PrepareContext(ctx, chain); err == nil {
		s.rows, err = s.read.PrepareContext(ctx, "SELECT run, seq, n, data FROM journal WHERE id = ?")
	}
	return err
}

func dsn(path, query string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}

// Commits says how many transactions were committed since Open.
func (s *Store) Commits() int64 { return s.commits.Load() }

// Close waits for appends under way, writes a mark and closes the file. Closing again does nothing.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.end(fmt.Errorf("store %s: %w", s.path, store.ErrClosed))
		<-s.done
		<-s.noting
		s.watchers.Close()
		err := s.read.Close()
		if werr := s.w.close(); err == nil {
			err = werr
		}
		if err != nil {
			s.closed = s.explain("close", err)
		}
	})
	return s.closed
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

// Watch implements store.Journal.
func (s *Store) Watch(ctx context.Context, run string) <-chan struct{} {
	return s.watchers.Watch(ctx, run)
}

// Append implements store.Journal.
func (s *Store) Append(ctx context.Context, a store.Append) error {
	if err := a.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: append: %w", a.Run, context.Cause(ctx))
	}
	it := newItem(ctx, a)
	if err := s.enqueue(it); err != nil {
		it.free()
		return fmt.Errorf("%s: append: %w", a.Run, err)
	}
	<-it.done
	err := it.err
	it.free()
	return err
}

// Queue implements store.Queuer.
func (s *Store) Queue(a store.Append, done func(error)) {
	if err := a.Check(); err != nil {
		done(err)
		return
	}
	it := newItem(context.Background(), a)
	it.then = done
	if err := s.enqueue(it); err != nil {
		it.finish(fmt.Errorf("%s: append: %w", a.Run, err))
	}
}

func (s *Store) enqueue(it *item) error {
	s.queue.Lock()
	defer s.queue.Unlock()
	if s.queue.end != nil {
		return s.queue.end
	}
	s.queue.pending = append(s.queue.pending, it)
	if len(s.queue.pending) == 1 {
		poke(s.wake)
	}
	if len(s.queue.pending) == s.queue.want {
		poke(s.full)
	}
	return nil
}

// When many append at once a transaction waits a little, so that it is not over for the few who were first: a sync costs
// more than the wait, and then somebody waits for the processor anyway. Whoever appends alone is not kept.
const (
	crowd     = 4 // items of one transaction after which the next waits
	gatherFor = time.Millisecond
)

// gather waits until n items are pending, for gatherFor at most.
func (s *Store) gather(n int) {
	want := func(n int) bool {
		s.queue.Lock()
		defer s.queue.Unlock()
		s.queue.want = n
		return len(s.queue.pending) >= n
	}
	if !want(n) {
		select {
		case <-s.full:
		case <-time.After(gatherFor):
		}
	}
	want(0)
	select {
	case <-s.full: // it came too late
	default:
	}
}

// take gives what is pending, in exchange for an empty slice to collect the next in.
func (s *Store) take(empty []*item) ([]*item, error) {
	s.queue.Lock()
	defer s.queue.Unlock()
	got := s.queue.pending
	s.queue.pending = empty[:0]
	return got, s.queue.end
}
