package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// chain lists the rows from the run's last one (?1) back to the one that holds event ?2, newest first.
const chain = `WITH RECURSIVE c (id, prev, seq) AS (
	SELECT id, prev, seq FROM journal WHERE id = ?1
	UNION ALL SELECT j.id, j.prev, j.seq FROM c JOIN journal j ON j.id = c.prev WHERE c.seq > ?2 AND j.id < c.id
) SELECT id FROM c`

// wholeChain lists the rows of a run, given its last one.
const wholeChain = `WITH RECURSIVE c (id, prev) AS (
	SELECT id, prev FROM journal WHERE id = ?1
	UNION ALL SELECT j.id, j.prev FROM c JOIN journal j ON j.id = c.prev WHERE j.id < c.id
) SELECT id FROM c`

// Read implements store.Journal.
func (s *Store) Read(ctx context.Context, run string, after uint64, limit int) ([]store.Event, error) {
	err := s.ended(ctx.Err())
	var events []store.Event
	if err == nil {
		events, err = s.readRun(ctx, run, after, limit)
	}
	if err != nil && s.removed(ctx, run) {
		return nil, nil
	}
	switch {
	case err == nil:
		return events, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: read: %w", run, context.Cause(ctx))
	case errors.Is(err, store.ErrDamaged):
		return nil, err
	}
	return nil, s.explain(run+": read", s.ended(err))
}

// ended tells a closed store from a failing one.
func (s *Store) ended(err error) error {
	s.queue.Lock()
	defer s.queue.Unlock()
	if errors.Is(s.queue.end, store.ErrClosed) {
		return store.ErrClosed
	}
	return err
}

func (s *Store) readRun(ctx context.Context, run string, after uint64, limit int) ([]store.Event, error) {
	at, err := s.tail(ctx, run)
	if err != nil || at.seq <= after {
		return nil, err
	}
	ids, err := s.rowsBack(ctx, at.row, after+1)
	if err != nil {
		return nil, err
	}
	want := at.seq - after
	if limit > 0 {
		want = min(want, uint64(limit))
	}
	events := make([]store.Event, 0, want)
	next := after + 1
	for i := len(ids) - 1; i >= 0 && uint64(len(events)) < want; i-- {
		first, data, err := s.row(ctx, ids[i], at.num)
		if err != nil {
			return nil, err
		}
		if first > next || first+uint64(len(data)) <= next {
			return nil, s.damaged(fmt.Sprintf("%s: event %d is missing", run, next))
		}
		for _, d := range data[next-first:] {
			if uint64(len(events)) < want {
				events = append(events, store.Event{Run: run, Seq: next, Data: d})
				next++
			}
		}
	}
	if uint64(len(events)) < want {
		return nil, s.damaged(fmt.Sprintf("%s: event %d is missing", run, next))
	}
	return events, nil
}

// removed says whether the run is not there: it may have been removed while it was read, though its tail is still known.
func (s *Store) removed(ctx context.Context, run string) bool {
	var found int
	err := s.read.QueryRowContext(ctx, "SELECT count(*) FROM runs WHERE id = ?", run).Scan(&found)
	return err == nil && found == 0
}

// tail gives the end of the run's chain among what is durable: as far as the index tells of it, at least.
func (s *Store) tail(ctx context.Context, run string) (tail, error) {
	s.mu.RLock()
	at, known := s.tails[run]
	s.mu.RUnlock()
	if known && !at.old {
		return at, nil
	}
	var there tail
	err := s.read.QueryRowContext(ctx, "SELECT num, row, seq FROM runs WHERE id = ?", run).Scan(&there.num, &there.row, &there.seq)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return at, nil
	case err == nil && there.seq > at.seq:
		return there, nil
	}
	return at, err
}

// outdate has readers look into the table too for where a run's chain ends: a commit shows there before it returns.
func (s *Store) outdate(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.tails[run]; known {
		at.old = true
		s.tails[run] = at
	}
}

func (s *Store) rowsBack(ctx context.Context, last int64, first uint64) ([]int64, error) {
	rows, err := s.chain.QueryContext(ctx, last, int64(first))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (s *Store) row(ctx context.Context, id, num int64) (uint64, [][]byte, error) {
	var run int64
	var seq uint64
	var n int
	var data []byte
	err := s.rows.QueryRowContext(ctx, id).Scan(&run, &seq, &n, &data)
	if err != nil {
		return 0, nil, err
	}
	events, err := unframe(data, num, seq, n)
	if err != nil {
		return 0, nil, s.damaged(fmt.Sprintf("journal row %d: %v", id, err))
	}
	return seq, events, nil
}
