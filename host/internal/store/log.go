package store

import (
	"context"
	"time"
)

// Log is what hosts that share a store write down together, for people. It keeps about the last MaxLog entries.
type Log interface {
	// Write writes an entry down, of this host. Written again under its ID, it stays as it was.
	Write(ctx context.Context, e Entry) error
	// Entries gives those of all hosts, the newest first. ErrNotFound: there is no entry Before, or not any more.
	Entries(ctx context.Context, q EntryQuery) ([]Entry, error)
}

// MaxLog is about how many entries a log keeps.
const MaxLog = 200_000

// Entry is one of a log.
type Entry struct {
	ID         string    // never used before
	Host       string    // the store fills it in
	User, What string    // what it is found by, as At
	At         time.Time // to the microsecond
	Raw        []byte    // all that it says
}

// EntryQuery selects entries.
type EntryQuery struct {
	User, What string    // empty: all
	Since      time.Time // then or later; zero: all
	Before     string    // the ID to page on from; empty: from the newest
	Limit      int       // 0: all
}
