package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Write implements store.Log.
func (s *Store) Write(ctx context.Context, e store.Entry) error {
	err := s.insist(ctx, func(ctx context.Context) error {
		var b pgx.Batch
		b.Queue("INSERT INTO spinbot.log (id, host, who, what, at, raw) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", e.ID, s.host, []byte(e.User), []byte(e.What), e.At, e.Raw)
		b.Queue("DELETE FROM spinbot.log WHERE num <= (SELECT max(num) FROM spinbot.log) - $1", s.maxLog)
		return s.read.SendBatch(ctx, &b).Close()
	})
	return s.say("write into the log", err)
}

// Entries implements store.Log.
func (s *Store) Entries(ctx context.Context, q store.EntryQuery) (out []store.Entry, err error) {
	where, args := []string{"true"}, []any{}
	and := func(format string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(format, len(args)))
	}
	if q.User != "" {
		and("who = $%d", []byte(q.User))
	}
	if q.What != "" {
		and("what = $%d", []byte(q.What))
	}
	if !q.Since.IsZero() {
		and("at >= $%d", q.Since)
	}
	err = s.insist(ctx, func(ctx context.Context) error {
		where, args := where, args
		if q.Before != "" {
			var num int64
			err := s.read.QueryRow(ctx, "SELECT num FROM spinbot.log WHERE id = $1", q.Before).Scan(&num)
			if errors.Is(err, pgx.ErrNoRows) {
				return &final{store.ErrNotFound}
			}
			if err != nil {
				return err
			}
			where, args = append(where, fmt.Sprintf("num < $%d", len(args)+1)), append(args, num)
		}
		sql := "SELECT id, host, who, what, at, raw FROM spinbot.log WHERE " + strings.Join(where, " AND ") + " ORDER BY num DESC"
		if q.Limit > 0 {
			sql += fmt.Sprintf(" LIMIT %d", q.Limit)
		}
		rows, err := s.read.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e store.Entry, err error) {
			var who, what []byte
			err = row.Scan(&e.ID, &e.Host, &who, &what, &e.At, &e.Raw)
			e.User, e.What = string(who), string(what)
			return e, err
		})
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("entry %s of the log: %w", q.Before, store.ErrNotFound)
	}
	return out, s.say("read the log", err)
}
