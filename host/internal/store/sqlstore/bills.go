package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Bill implements store.Bills.
func (s *Store) Bill(ctx context.Context, rows []store.Bill) error {
	err := s.do(ctx, func() error {
		return s.w.transaction(func() error {
			for _, b := range rows {
				if err := s.w.bill.exec(b.Run, int64(b.Seq), b.Pipeline, b.Owner, b.First.UnixNano(), b.Last.UnixNano(), b.Data); err != nil {
					return err
				}
				if err := s.w.billed.exec(b.Run, int64(b.Seq)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("bill runs: %w", err)
	}
	return nil
}

// Bills implements store.Bills.
func (s *Store) Bills(ctx context.Context, q store.BillQuery) (out []store.Bill, err error) {
	where, args := []string{"true"}, []any{}
	and := func(sql string, value any) {
		where = append(where, sql)
		args = append(args, value)
	}
	if q.Run != "" {
		and("run = ?", q.Run)
	}
	if q.Pipeline != "" {
		and("pipeline = ?", q.Pipeline)
	}
	if q.Owner != "" {
		and("owner = ?", q.Owner)
	}
	if !q.Since.IsZero() {
		and("last >= ?", q.Since.UnixNano())
	}
	if !q.Until.IsZero() {
		and("first < ?", q.Until.UnixNano())
	}
	rows, err := s.read.QueryContext(ctx, "SELECT run, seq, pipeline, owner, first, last, data FROM bills WHERE "+strings.Join(where, " AND ")+" ORDER BY run DESC", args...)
	if err != nil {
		return nil, s.billsError(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var b store.Bill
		var first, last int64
		if err := rows.Scan(&b.Run, &b.Seq, &b.Pipeline, &b.Owner, &first, &last, &b.Data); err != nil {
			return nil, s.billsError(ctx, err)
		}
		b.First, b.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
		out = append(out, b)
	}
	if err := rows.Err(); err != nil {
		return nil, s.billsError(ctx, err)
	}
	return out, nil
}

func (s *Store) billsError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("list bills: %w", context.Cause(ctx))
	}
	return s.explain("list bills", s.ended(err))
}

// Unbilled implements store.Bills.
func (s *Store) Unbilled(ctx context.Context, ended bool, limit int) ([]store.Head, error) {
	if limit == 0 {
		limit = -1 // none
	}
	not := map[bool]string{false: "NOT "}[ended]
	return s.heads(ctx, "runs WHERE listed AND billed <> head_seq AND state "+not+"IN ('"+strings.Join(store.EndedStates, "', '")+"') LIMIT ?", limit)
}

// Unbill implements store.Bills.
func (s *Store) Unbill(ctx context.Context, before time.Time) (n int, err error) {
	err = s.do(ctx, func() error {
		const gone = " FROM bills WHERE last < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE id = bills.run)"
		if err := s.read.QueryRow("SELECT count(*)"+gone, before.UnixNano()).Scan(&n); err != nil || n == 0 {
			return err
		}
		return s.w.transaction(func() error { return s.w.unbill.exec(before.UnixNano()) })
	})
	if err != nil {
		return 0, fmt.Errorf("remove bills: %w", err)
	}
	return n, nil
}
