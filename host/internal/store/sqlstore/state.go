package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

// State is a kv.Store in a file of its own, which is made when it is first used: the journal has its file for itself, and
// its writer takes a second one for an intruder.
type State struct {
	path string

	mu     sync.Mutex // also held while one changes something
	db     *sql.DB    // nil: not opened yet
	closed bool
}

const (
	stateVersion = 1
	stateSchema  = `CREATE TABLE kv (
		owner TEXT NOT NULL, pipeline TEXT NOT NULL, node TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
		PRIMARY KEY (owner, pipeline, node, key)
	) WITHOUT ROWID;
	PRAGMA user_version = 1`
	inScope = "owner = ? AND pipeline = ? AND node = ?"
)

// NewState says where the state is; it opens nothing.
func NewState(path string) *State { return &State{path: path} }

// Close closes the file. Closing again does nothing.
func (s *State) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return explain(s.path, "close", err)
}

// open gives the database; the caller holds mu.
func (s *State) open(ctx context.Context) (*sql.DB, error) {
	switch {
	case s.closed:
		return nil, fmt.Errorf("store %s: %w", s.path, store.ErrClosed)
	case s.db != nil:
		return s.db, nil
	}
	abs, err := filepath.Abs(s.path)
	if err == nil {
		err = sumvfs.Register()
	}
	if err == nil {
		err = sumvfs.Check(abs)
	}
	if err != nil {
		return nil, explain(s.path, "open", err)
	}
	db, err := sql.Open("sqlite", dsn(abs, pragmas+"&_txlock=immediate"))
	if err != nil {
		return nil, explain(s.path, "open", err)
	}
	db.SetMaxOpenConns(1)
	if err := prepareState(ctx, db); err != nil {
		_ = db.Close() // err says more
		return nil, explain(s.path, "open", err)
	}
	s.db = db
	return db, nil
}

func prepareState(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > stateVersion {
		return &NewerError{Have: version, Know: stateVersion}
	}
	if version == stateVersion {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, stateSchema); err == nil {
		return tx.Commit()
	}
	return errors.Join(err, tx.Rollback())
}

// Get implements kv.Store.
func (s *State) Get(ctx context.Context, scope kv.Scope, key string) (value []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	db, err := s.open(ctx)
	if err != nil {
		return nil, false, err
	}
	if value, ok, err = valueOf(ctx, db, scope, key); err != nil {
		err = explain(s.path, "read", err)
	}
	return value, ok, err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func valueOf(ctx context.Context, q querier, scope kv.Scope, key string) (value []byte, ok bool, err error) {
	err = q.QueryRowContext(ctx, "SELECT value FROM kv WHERE "+inScope+" AND key = ?", scope.Owner, scope.Pipeline, scope.Node, []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Update implements kv.Store.
func (s *State) Update(ctx context.Context, scope kv.Scope, key string, most int64, fn kv.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return explain(s.path, "change", err)
	}
	if err = s.change(ctx, tx, scope, key, most, fn); err != nil {
		_ = tx.Rollback() // err says more
		return err
	}
	if err = tx.Commit(); err != nil {
		return explain(s.path, "change", err)
	}
	return nil
}

func (s *State) change(ctx context.Context, tx *sql.Tx, scope kv.Scope, key string, most int64, fn kv.Change) error {
	old, ok, err := valueOf(ctx, tx, scope, key)
	if err != nil {
		return explain(s.path, "change", err)
	}
	value, keep, err := fn(old, ok)
	if err != nil {
		return err
	}
	var before int64
	row := tx.QueryRowContext(ctx, "SELECT coalesce(sum(length(key) + length(value)), 0) FROM kv WHERE "+inScope, scope.Owner, scope.Pipeline, scope.Node)
	if err := row.Scan(&before); err != nil {
		return explain(s.path, "change", err)
	}
	after := before
	if ok {
		after -= int64(len(key) + len(old))
	}
	if keep {
		after += int64(len(key) + len(value))
	}
	if err := kv.Fits(before, after, most); err != nil {
		return err
	}
	if keep {
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?, ?)", scope.Owner, scope.Pipeline, scope.Node, []byte(key), append([]byte{}, value...))
	} else {
		_, err = tx.ExecContext(ctx, "DELETE FROM kv WHERE "+inScope+" AND key = ?", scope.Owner, scope.Pipeline, scope.Node, []byte(key))
	}
	if err != nil {
		return explain(s.path, "change", err)
	}
	return nil
}

// List implements kv.Store.
func (s *State) List(ctx context.Context, scope kv.Scope, prefix string) (keys []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT key FROM kv WHERE "+inScope+" AND key >= ? AND substr(key, 1, ?) = ? ORDER BY key",
		scope.Owner, scope.Pipeline, scope.Node, []byte(prefix), len(prefix), []byte(prefix))
	if err != nil {
		return nil, explain(s.path, "read", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return nil, explain(s.path, "read", err)
		}
		keys = append(keys, string(key))
	}
	if err := rows.Err(); err != nil {
		return nil, explain(s.path, "read", err)
	}
	return keys, nil
}
