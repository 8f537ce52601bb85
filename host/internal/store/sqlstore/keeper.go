package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sqlfiles"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

const (
	eachRows    = 256 // rows that Each reads at a time
	shrinkPages = 512 // pages that Shrink frees at a time
)

// Each implements store.Keeper. It reads the rows as they lie, which is many times faster than run by run.
func (s *Store) Each(ctx context.Context, fn func(store.Event) error) error {
	for last, more := int64(0), true; more; {
		var err error
		if last, more, err = s.some(ctx, last, fn); err != nil {
			return err
		}
	}
	return nil
}

// some calls fn with the events of the rows after last, and gives the last of them.
func (s *Store) some(ctx context.Context, last int64, fn func(store.Event) error) (int64, bool, error) {
	fail := func(err error) (int64, bool, error) {
		if ctx.Err() != nil {
			return last, false, fmt.Errorf("read everything: %w", context.Cause(ctx))
		}
		return last, false, s.explain("read everything", s.ended(err))
	}
	rows, err := s.read.QueryContext(ctx, `SELECT j.id, j.run, j.seq, j.n, j.data, r.id
		FROM journal j LEFT JOIN runs r ON r.num = j.run WHERE j.id > ? ORDER BY j.id LIMIT ?`, last, eachRows)
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	count := 0
	for ; rows.Next(); count++ {
		var num int64
		var seq uint64
		var n int
		var data sql.RawBytes
		var run sql.NullString
		if err := rows.Scan(&last, &num, &seq, &n, &data, &run); err != nil {
			return fail(err)
		}
		events, err := unframe(data, num, seq, n)
		if err == nil && !run.Valid {
			err = errors.New("it is of no run")
		}
		if err != nil {
			return last, false, s.damaged(fmt.Sprintf("journal row %d: %v", last, err))
		}
		for i, e := range events {
			if err := fn(store.Event{Run: run.String, Seq: seq + uint64(i), Data: e}); err != nil {
				return last, false, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return last, count == eachRows, nil
}

// Pin implements store.Keeper.
func (s *Store) Pin(ctx context.Context, run string, on bool) error {
	err := s.do(ctx, func() error {
		var num int64
		err := s.read.QueryRow("SELECT num FROM runs WHERE id = ? AND listed", run).Scan(&num)
		if errors.Is(err, sql.ErrNoRows) {
			return store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.w.transaction(func() error { return s.w.pin.exec(num, on) })
	})
	if err != nil {
		return fmt.Errorf("%s: pin: %w", run, err)
	}
	return nil
}

// Remove implements store.Keeper.
func (s *Store) Remove(ctx context.Context, run string, seq uint64) error {
	if err := s.do(ctx, func() error { return s.w.remove(run, seq) }); err != nil {
		return fmt.Errorf("%s: remove: %w", run, err)
	}
	return nil
}

func (w *writer) remove(run string, seq uint64) error {
	e, err := w.end(run)
	switch {
	case err != nil:
		return err
	case e.num == 0:
		return store.ErrNotFound
	case e.seq != seq:
		return &store.ConflictError{Run: run, After: seq, Head: e.seq}
	}
	var pinned bool
	if err := w.s.read.QueryRow("SELECT pinned FROM runs WHERE num = ?", e.num).Scan(&pinned); err != nil {
		return err
	}
	if pinned {
		return store.ErrPinned
	}
	err = w.transaction(func() error {
		if err := w.rows1.exec(e.row); err != nil {
			return err
		}
		return errors.Join(w.unfile.exec(e.num), w.unnote.exec(e.num), w.unrun.exec(e.num))
	})
	if err != nil {
		return err
	}
	w.s.Removed()
	delete(w.ends, run)
	w.moved = slices.DeleteFunc(w.moved, func(m *end) bool { return m == e })
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	delete(w.s.tails, run)
	return nil
}

// Shrink implements store.Keeper.
func (s *Store) Shrink(ctx context.Context) (freed int64, err error) {
	for {
		free, err := s.count(ctx, "PRAGMA freelist_count")
		if err == nil && free == 0 && freed > 0 { // the file itself becomes shorter when the log is copied into it
			err = s.do(ctx, func() error { return s.w.exec("PRAGMA wal_checkpoint(PASSIVE)") })
		}
		if err != nil || free == 0 {
			return freed, err
		}
		err = s.do(ctx, func() error { return s.w.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrinkPages)) })
		if err != nil {
			return freed, fmt.Errorf("shrink: %w", err)
		}
		left, err := s.count(ctx, "PRAGMA freelist_count")
		if err != nil || left >= free {
			return freed, err
		}
		freed += (free - left) * sumvfs.PageSize
	}
}

func (s *Store) count(ctx context.Context, query string) (n int64, err error) {
	if err := s.read.QueryRowContext(ctx, query).Scan(&n); err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return 0, s.explain("shrink", s.ended(err))
	}
	return n, nil
}

// do has the writer do something between two groups of appends.
func (s *Store) do(ctx context.Context, job func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	it := items.Get().(*item)
	it.ctx, it.job, it.err = ctx, job, nil
	if err := s.enqueue(it); err != nil {
		it.free()
		return err
	}
	<-it.done
	err := it.err
	it.free()
	return err
}

// split tells appends from jobs.
func split(group []*item) (appends, jobs []*item) {
	if !slices.ContainsFunc(group, func(it *item) bool { return it.job != nil }) {
		return group, nil
	}
	for _, it := range group {
		if it.job != nil {
			jobs = append(jobs, it)
		} else {
			appends = append(appends, it)
		}
	}
	return appends, jobs
}

// work does the jobs. One that the medium failed stops the store, as an append would.
func (w *writer) work(jobs []*item) {
	for i, it := range jobs {
		if it.ctx.Err() != nil {
			it.finish(context.Cause(it.ctx))
			continue
		}
		err := it.job()
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			w.stop(jobs[i:], err)
			return
		}
		it.finish(err)
	}
}

// transaction makes what change writes durable, all or nothing.
func (w *writer) transaction(change func() error) error {
	if err := w.begin.exec(); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err // the store stops, and rolls back
	}
	if err := w.commit.exec(); err != nil {
		return err
	}
	w.s.commits.Add(1)
	return nil
}

// write makes changes to what is known of files.
func (s *Store) write(ctx context.Context, changes []sqlfiles.Change) error {
	return s.do(ctx, func() error {
		return s.w.transaction(func() error {
			for _, c := range changes {
				args := make([]driver.NamedValue, len(c.Args))
				for k, v := range c.Args {
					args[k] = driver.NamedValue{Ordinal: k + 1, Value: v}
				}
				if _, err := s.w.conn.(driver.ExecerContext).ExecContext(context.Background(), c.SQL, args); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// filesError says what went wrong with reading of files.
func (s *Store) filesError(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	return s.explain(doing, s.ended(err))
}
