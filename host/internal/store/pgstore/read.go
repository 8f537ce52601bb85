package pgstore

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// rowsOf lists the rows of a run ($1) from the one that holds event $2 on, $3 at most, with where the run's journal ends.
const rowsOf = `SELECT j.seq, j.n, j.data, r.seq FROM spinbot.runs r JOIN spinbot.journal j ON j.run = r.num
	WHERE r.id = $1 AND r.seq >= $2 AND j.seq >= coalesce((SELECT max(k.seq) FROM spinbot.journal k WHERE k.run = r.num AND k.seq <= $2), 0)
	ORDER BY j.seq LIMIT $3`

// Read implements store.Journal.
func (s *Store) Read(ctx context.Context, run string, after uint64, limit int) ([]store.Event, error) {
	if after >= math.MaxInt64 {
		return nil, nil
	}
	var events []store.Event
	err := s.insist(ctx, func(ctx context.Context) error {
		var rows *int // each holds one event at least
		if limit > 0 {
			rows = &limit
		}
		got, err := s.read.Query(ctx, rowsOf, []byte(run), int64(after)+1, rows)
		if err != nil {
			return err
		}
		events, err = s.collect(got, run, after, limit)
		return err
	})
	if err != nil {
		return nil, s.say(run+": read", err)
	}
	return events, nil
}

// collect makes events of rows: those after, without gaps, until limit or where the journal ends.
func (s *Store) collect(rows pgx.Rows, run string, after uint64, limit int) (events []store.Event, err error) {
	next := after + 1
	var seq, head uint64
	var n int
	var data []byte
	enough := func() bool { return limit > 0 && len(events) == limit }
	_, err = pgx.ForEachRow(rows, []any{&seq, &n, &data, &head}, func() error {
		if enough() {
			return nil
		}
		bodies, err := unframe(data, run, seq, n)
		if err != nil {
			return s.damaged(fmt.Sprintf("%s: row of event %d: %v", run, seq, err))
		}
		if seq > next || seq+uint64(n) <= next {
			return s.damaged(fmt.Sprintf("%s: event %d is missing", run, next))
		}
		for _, b := range bodies[next-seq:] {
			if !enough() {
				events = append(events, store.Event{Run: run, Seq: next, Data: b})
				next++
			}
		}
		return nil
	})
	if err == nil && next <= head && !enough() {
		err = s.damaged(fmt.Sprintf("%s: event %d is missing", run, next))
	}
	return events, err
}
