package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Claim implements store.Keys. Asked again after an answer that was lost it says the same.
func (s *Store) Claim(ctx context.Context, key string, c store.Claim, now time.Time) (is store.Claim, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.read, func(tx pgx.Tx) error {
			if c.Run != "" {
				if _, err := tx.Exec(ctx, "DELETE FROM spinbot.keys WHERE until <= $1", now.UnixNano()); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, "INSERT INTO spinbot.keys (key, run, body, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
					key, []byte(c.Run), c.Body, c.Until.UnixNano()); err != nil {
					return err
				}
			}
			var run []byte
			var until int64
			err := tx.QueryRow(ctx, "SELECT run, body, until FROM spinbot.keys WHERE key = $1 AND until > $2", key, now.UnixNano()).Scan(&run, &is.Body, &until)
			if errors.Is(err, pgx.ErrNoRows) {
				is, err = store.Claim{}, nil
			} else {
				is.Run, is.Until = string(run), time.Unix(0, until).UTC()
			}
			return err
		})
	})
	return is, s.say("claim a key", err)
}
