package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Record implements store.Records.
func (s *Store) Record(ctx context.Context, name string) (raw []byte, revision int64, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		err := s.read.QueryRow(ctx, "SELECT raw, revision FROM spinbot.records WHERE name = $1", name).Scan(&raw, &revision)
		if errors.Is(err, pgx.ErrNoRows) {
			raw, revision, err = nil, 0, nil
		}
		return err
	})
	return raw, revision, s.say("read record "+name, err)
}

// Keep implements store.Records.
func (s *Store) Keep(ctx context.Context, name string, raw []byte, revision int64) error {
	kept := false
	err := s.insist(ctx, func(ctx context.Context) error {
		return s.living.QueryRow(ctx, "SELECT spinbot.keep($1, $2, $3, $4, $5)", s.host, s.session, name, raw, revision).Scan(&kept)
	})
	if err == nil && !kept {
		return fmt.Errorf("record %s is not at revision %d any more: %w", name, revision, store.ErrConflict)
	}
	return s.say("keep record "+name, err)
}
