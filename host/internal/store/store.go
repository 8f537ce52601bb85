// Package store owns what outlives the process: the journal of events, the index of runs and their files, and what hosts keep together.
// Adapters: sqlstore (SQLite), pgstore (PostgreSQL, for several hosts) and memstore; storetest is the conformance suite
// that all pass.
package store

import (
	"context"
	"errors"
	"time"
)

// The errors a store gives, besides those of its medium.
var (
	// ErrConflict: another writer appended to this run first; nothing of the item was stored.
	ErrConflict = errors.New("journal: sequence conflict")
	// ErrNotFound: no such run.
	ErrNotFound = errors.New("no such run")
	// ErrStopped: a commit failed or its outcome is unknown. The store takes no more appends; reopen and re-read.
	ErrStopped = errors.New("journal: stopped after a failed commit")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("journal: closed")
	// ErrDamaged: what the medium gave back is not what was written.
	ErrDamaged = errors.New("journal: damaged")
)

// Append adds events of one run to the journal, all or nothing, as one row.
type Append struct {
	Run string
	// After is the sequence number of the run's last event before this append; 0 for a new run.
	After uint64
	// Events are encoded events; the first gets sequence number After+1.
	Events [][]byte
	// Head, when set, replaces the run's row in the index in the same commit.
	Head *Head
	// Files are the artifacts that the events name: see Files.
	Files []File
}

// Event is one stored event of a run.
type Event struct {
	Run  string
	Seq  uint64 // from 1 without gaps
	Data []byte
}

// Head is the run's row in the index: what lists show without reading the journal.
type Head struct {
	Run      string
	Pipeline string // name
	Digest   string // of the pipeline
	State    string
	Error    string
	Owner    string
	Created  time.Time
	Updated  time.Time
	Seq      uint64
	Pinned   bool // set by Keeper.Pin alone: what an Append says of it does not count
}

// Journal keeps the ordered events of every run.
type Journal interface {
	// Append returns when the events are durable. Concurrent calls share commits. ErrConflict when After is
	// not the run's head. The error of one call never concerns another's item, but for ErrStopped. When it is
	// ctx's error nothing was stored; once a commit has begun, Append waits for it whatever ctx says.
	Append(ctx context.Context, a Append) error
	// Read gives events of a run with sequence numbers above after, in order, at most limit (0: all). A run
	// without any is no error.
	Read(ctx context.Context, run string, after uint64, limit int) ([]Event, error)
	// Watch sends on the returned channel whenever events of the run have become durable after the call
	// (coalesced; read to learn which), and closes it when ctx or the journal ends. An empty run watches every run.
	Watch(ctx context.Context, run string) <-chan struct{}
	Close() error
}

// Queuer is a Journal whose appends need not be waited for.
type Queuer interface {
	// Queue is Append for a caller who goes on meanwhile. done is told once how it went, maybe before Queue returns, by whoever
	// makes appends durable: it must not block.
	Queue(a Append, done func(error))
}

// Query selects runs.
type Query struct {
	Prefix   string   // of the run id; empty: all
	Pipeline string   // name; empty: all
	States   []string // empty: all
	Owner    string   // empty: all
	// Text stands in the id, the pipeline's name, the owner or the error, ASCII letters large or small; empty: all.
	Text   string
	Before string // run id to page on from; empty: from the newest
	From   string // run id of which none is older; empty: to the oldest
	Limit  int    // 0: all
}

// Index finds runs.
type Index interface {
	// List gives runs, newest first: by id, descending.
	List(ctx context.Context, q Query) ([]Head, error)
	// Find gives the one run whose id is or begins with id; "last" is the newest. ErrNotFound, or an error
	// that lists the candidates when several match (*AmbiguousError).
	Find(ctx context.Context, id string) (Head, error)
}

// Keeper says what is kept. Every store offers it beside its journal and index.
type Keeper interface {
	// Each calls fn with the events of all runs, listed or not, those of one run in order, until fn gives an error.
	// What is appended or removed meanwhile may be among them or not. Data is fn's during the call only.
	Each(ctx context.Context, fn func(Event) error) error
	// Pin marks a listed run as one that Remove refuses, or takes the mark away. ErrNotFound.
	Pin(ctx context.Context, run string, on bool) error
	// Remove takes a run out of journal and index, all or nothing, if seq is still its last event and it is not
	// pinned; else ErrConflict. ErrNotFound.
	Remove(ctx context.Context, run string, seq uint64) error
	// Shrink gives the medium back what removed runs took, in steps that let appends pass, until nothing is left or ctx
	// ends. It gives the number of bytes.
	Shrink(ctx context.Context) (int64, error)
}
