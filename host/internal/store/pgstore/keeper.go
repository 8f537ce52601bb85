package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

const eachRows = 256 // rows that Each asks for at a time

// place is where Each stands: the last row that it has passed on.
type place struct {
	num, seq int64
}

// Each implements store.Keeper.
func (s *Store) Each(ctx context.Context, fn func(store.Event) error) error {
	for at, more := (place{}), true; more; {
		var own error // fn's
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			more, err = s.some(ctx, &at, func(e store.Event) error {
				own = fn(e)
				return own
			})
			if own != nil {
				return &final{own}
			}
			return err
		})
		if own != nil {
			return own
		}
		if err != nil {
			return s.say("read everything", err)
		}
	}
	return nil
}

// some calls fn with the events of the rows after at, and says whether there may be more.
func (s *Store) some(ctx context.Context, at *place, fn func(store.Event) error) (bool, error) {
	rows, err := s.read.Query(ctx, `SELECT j.run, j.seq, j.n, j.data, r.id FROM spinbot.journal j LEFT JOIN spinbot.runs r ON r.num = j.run
		WHERE (j.run, j.seq) > ($1, $2) ORDER BY j.run, j.seq LIMIT $3`, at.num, at.seq, eachRows)
	if err != nil {
		return false, err
	}
	count := 0
	var row place
	var n int
	var data, id []byte
	_, err = pgx.ForEachRow(rows, []any{&row.num, &row.seq, &n, &data, &id}, func() error {
		count++
		events, err := unframe(data, string(id), uint64(row.seq), n)
		if err != nil {
			return s.damaged(fmt.Sprintf("journal row %d of run %q, number %d: %v", row.seq, id, row.num, err))
		}
		*at = row
		for i, e := range events {
			if err := fn(store.Event{Run: string(id), Seq: uint64(row.seq) + uint64(i), Data: e}); err != nil {
				return err
			}
		}
		return nil
	})
	return count == eachRows, err
}

// Pin implements store.Keeper.
func (s *Store) Pin(ctx context.Context, run string, on bool) error {
	err := s.insist(ctx, func(ctx context.Context) error {
		tag, err := s.read.Exec(ctx, "UPDATE spinbot.runs SET pinned = $2 WHERE id = $1 AND listed", []byte(run), on)
		if err == nil && tag.RowsAffected() == 0 {
			err = &final{store.ErrNotFound}
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: pin: %w", run, store.ErrNotFound)
	}
	return s.say(run+": pin", err)
}

// Remove implements store.Keeper. A run that another host goes on with is refused with ErrNotOwned.
func (s *Store) Remove(ctx context.Context, run string, seq uint64) error {
	var why, holder *string
	var at *int64
	tries := 0
	err := s.insist(ctx, func(ctx context.Context) error {
		tries++
		return s.read.QueryRow(ctx, "SELECT * FROM spinbot.remove($1, $2, $3, $4)", s.host, s.session, []byte(run), int64(seq)).Scan(&why, &at, &holder)
	})
	switch {
	case err != nil:
		return s.say(run+": remove", err)
	case why == nil, *why == "none" && tries > 1: // an earlier try, whose answer was lost, may have removed it
		s.own.forget(run, s.own.get(run))
		return nil
	case *why == "owned":
		return fmt.Errorf("%s: remove: host %q goes on with the run: %w", run, *holder, store.ErrNotOwned)
	case *why == "moved":
		return &store.ConflictError{Run: run, After: seq, Head: uint64(*at)}
	case *why == "pinned":
		return fmt.Errorf("%s: remove: %w", run, store.ErrPinned)
	}
	return fmt.Errorf("%s: remove: %w", run, store.ErrNotFound)
}

// Shrink implements store.Keeper. PostgreSQL gives back what is free at the end of a table; what is free before that it
// uses again.
func (s *Store) Shrink(ctx context.Context) (freed int64, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		before, err := s.size(ctx)
		if err != nil {
			return err
		}
		if _, err := s.read.Exec(ctx, "VACUUM (SKIP_LOCKED) spinbot.journal, spinbot.runs, spinbot.hosts, spinbot.keys, spinbot.files, spinbot.meanings, spinbot.texts, spinbot.bills"); err != nil {
			return err
		}
		after, err := s.size(ctx)
		freed = max(0, before-after)
		return err
	})
	return freed, s.say("shrink", err)
}

func (s *Store) size(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRow(ctx, "SELECT pg_total_relation_size('spinbot.journal') + pg_total_relation_size('spinbot.runs') + pg_total_relation_size('spinbot.files') + pg_total_relation_size('spinbot.meanings')").Scan(&n)
	return n, err
}
