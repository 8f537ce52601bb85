package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Claim implements store.Keys.
func (s *Store) Claim(ctx context.Context, key string, c store.Claim, now time.Time) (store.Claim, error) {
	if c.Run != "" {
		err := s.do(ctx, func() error {
			return s.w.transaction(func() error {
				if err := s.w.expire.exec(now.UnixNano()); err != nil {
					return err
				}
				return s.w.claim.exec(key, c.Run, c.Body, c.Until.UnixNano())
			})
		})
		if err != nil {
			return store.Claim{}, fmt.Errorf("claim a key: %w", err)
		}
	}
	var is store.Claim
	var until int64
	err := s.read.QueryRowContext(ctx, "SELECT run, body, until FROM keys WHERE key = ? AND until > ?", key, now.UnixNano()).Scan(&is.Run, &is.Body, &until)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Claim{}, nil
	case ctx.Err() != nil:
		return store.Claim{}, fmt.Errorf("claim a key: %w", context.Cause(ctx))
	case err != nil:
		return store.Claim{}, s.explain("claim a key", s.ended(err))
	}
	is.Until = time.Unix(0, until).UTC()
	return is, nil
}
