package pgstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Bill implements store.Bills. Several hosts may bill the same run: what they say is the same.
func (s *Store) Bill(ctx context.Context, rows []store.Bill) error {
	n := len(rows)
	runs, pipelines, owners, data := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	seqs, first, last := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, b := range rows {
		runs[i], pipelines[i], owners[i], data[i] = []byte(b.Run), []byte(b.Pipeline), []byte(b.Owner), append([]byte{}, b.Data...)
		seqs[i], first[i], last[i] = int64(b.Seq), b.First.UnixNano(), b.Last.UnixNano()
	}
	return s.say("bill runs", s.insist(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.read, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO spinbot.bills AS b SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bytea[]) x (run, seq, pipeline, owner, first, last, data) ORDER BY run
				ON CONFLICT (run) DO UPDATE SET seq = excluded.seq, pipeline = excluded.pipeline, owner = excluded.owner, first = excluded.first, last = excluded.last, data = excluded.data
				WHERE excluded.seq >= b.seq`, runs, seqs, pipelines, owners, first, last, data)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "UPDATE spinbot.runs r SET billed = x.seq FROM unnest($1::bytea[], $2::bigint[]) x (id, seq) WHERE r.id = x.id", runs, seqs)
			return err
		})
	}))
}

// Bills implements store.Bills.
func (s *Store) Bills(ctx context.Context, q store.BillQuery) (out []store.Bill, err error) {
	where, args := []string{"true"}, []any{}
	and := func(format string, value any) {
		where = append(where, format+number(&args, value))
	}
	if q.Run != "" {
		and("run = ", []byte(q.Run))
	}
	if q.Pipeline != "" {
		and("pipeline = ", []byte(q.Pipeline))
	}
	if q.Owner != "" {
		and("owner = ", []byte(q.Owner))
	}
	if !q.Since.IsZero() {
		and("last >= ", q.Since.UnixNano())
	}
	if !q.Until.IsZero() {
		and("first < ", q.Until.UnixNano())
	}
	sql := "SELECT run, seq, pipeline, owner, first, last, data FROM spinbot.bills WHERE " + strings.Join(where, " AND ") + " ORDER BY run DESC"
	err = s.insist(ctx, func(ctx context.Context) error {
		rows, err := s.read.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (b store.Bill, err error) {
			var run, pipeline, owner []byte
			var first, last int64
			err = row.Scan(&run, &b.Seq, &pipeline, &owner, &first, &last, &b.Data)
			b.Run, b.Pipeline, b.Owner, b.First, b.Last = string(run), string(pipeline), string(owner), time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
			return b, err
		})
		return err
	})
	return out, s.say("list bills", err)
}

// Unbilled implements store.Bills.
func (s *Store) Unbilled(ctx context.Context, ended bool, limit int) ([]store.Head, error) {
	from := "spinbot.runs WHERE listed AND billed <> head_seq AND " + map[bool]string{false: "NOT "}[ended] + "state = ANY($1)"
	if limit > 0 {
		from += fmt.Sprintf(" LIMIT %d", limit)
	}
	states := make([][]byte, len(store.EndedStates))
	for i, state := range store.EndedStates {
		states[i] = []byte(state)
	}
	return s.heads(ctx, from, states)
}

// Unbill implements store.Bills.
func (s *Store) Unbill(ctx context.Context, before time.Time) (n int, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		tag, err := s.read.Exec(ctx, "DELETE FROM spinbot.bills b WHERE last < $1 AND NOT EXISTS (SELECT FROM spinbot.runs r WHERE r.id = b.run)", before.UnixNano())
		n += int(tag.RowsAffected())
		return err
	})
	return n, s.say("remove bills", err)
}
