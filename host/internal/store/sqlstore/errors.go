package sqlstore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

func (s *Store) explain(doing string, err error) error { return explain(s.path, doing, err) }

// explain says in words for people what went wrong with the file; nil for nil.
func explain(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	var d *sumvfs.DamageError
	if errors.As(err, &d) {
		return damaged(path, fmt.Sprintf("%s: %v", doing, d))
	}
	if !errors.As(err, &e) {
		return fmt.Errorf("store %s: %s: %w", path, doing, err)
	}
	if e.Code() == sqlite3.SQLITE_IOERR_DATA {
		return damaged(path, fmt.Sprintf("%s: %v", doing, sumvfs.Damage(path)))
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(path, fmt.Sprintf("%s: %v", doing, err))
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("store %s: %s: the disk is full: free some space there and start again: %w", path, doing, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("store %s: %s: another process holds the file: end it and try again: %w", path, doing, err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("store %s: %s: the file cannot be opened: check that its folder exists and is yours to write: %w", path, doing, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("store %s: %s: the file or its folder is read-only: make it writable: %w", path, doing, err)
	case sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("store %s: %s: another process wrote to it meanwhile: end it and start again: %w", path, doing, err)
	}
	return fmt.Errorf("store %s: %s: %w", path, doing, err)
}

func (s *Store) damaged(what string) error { return damaged(s.path, what) }

func damaged(path, what string) error {
	return fmt.Errorf("store %s: %s: %w: nothing was changed; move the file away, with those beside it whose names begin like it (-wal, -shm), then put a backup in its place, or start without one to begin anew",
		path, what, store.ErrDamaged)
}
