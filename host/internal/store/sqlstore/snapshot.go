package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

// Snapshot writes the store as it is now into a new file at path, which Open opens. Appends go on meanwhile; what is appended after it
// began is not in it.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	s.queue.Lock()
	end := s.queue.end
	s.queue.Unlock()
	if end != nil {
		return fmt.Errorf("snapshot: %w", end)
	}
	return snapshot(ctx, s.path, path)
}

// Snapshot writes the state as it is now into a new file at path; false when there is none.
func (s *State) Snapshot(ctx context.Context, path string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, fmt.Errorf("store %s: %w", s.path, store.ErrClosed)
	}
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if _, err := s.open(ctx); err != nil { // it is looked at before SQLite does
		return false, err
	}
	return true, snapshot(ctx, s.path, path)
}

// snapshot copies a database in one read transaction, through a connection of its own: that of a reader may write nowhere.
func snapshot(ctx context.Context, from, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(from, "vfs="+sumvfs.Name+"&_pragma=busy_timeout(5000)"))
	if err != nil {
		return explain(from, "copy", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return explain(from, "copy to "+to, err)
}
