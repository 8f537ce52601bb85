package store

import (
	"context"
	"time"
)

// Bills are what runs have used: a row for each, made of its journal, and kept when that is removed. Every store offers it beside its
// journal.
type Bills interface {
	// Bill keeps rows, all or none, each in place of the one of its run that is not of a later Seq.
	Bill(ctx context.Context, rows []Bill) error
	// Bills gives rows, those of the newest runs first.
	Bills(ctx context.Context, q BillQuery) ([]Bill, error)
	// Unbilled gives listed runs whose row is not of their head's Seq, in any order, at most limit (0: all): those that have ended, or
	// those that have not.
	Unbilled(ctx context.Context, ended bool, limit int) ([]Head, error)
	// Unbill removes the rows of runs that are not in the journal any more and ended before a time. It gives their number.
	Unbill(ctx context.Context, before time.Time) (int, error)
}

// Bill is the row of one run.
type Bill struct {
	Run      string
	Seq      uint64 // of the head that it was made for
	Pipeline string // name
	Owner    string
	First    time.Time // when the run was made
	Last     time.Time // its last event
	Data     []byte    // all that it says
}

// BillQuery selects rows.
type BillQuery struct {
	Run, Pipeline, Owner string    // empty: all
	Since                time.Time // of runs that went on then or later; zero: all
	Until                time.Time // of runs that were made before; zero: all
}

// Match says whether the query selects the row.
func (q BillQuery) Match(b Bill) bool {
	return (q.Run == "" || b.Run == q.Run) && (q.Pipeline == "" || b.Pipeline == q.Pipeline) && (q.Owner == "" || b.Owner == q.Owner) &&
		!b.Last.Before(q.Since) && (q.Until.IsZero() || b.First.Before(q.Until))
}
