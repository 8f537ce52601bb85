package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"time"

	"modernc.org/sqlite"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// writer owns the one connection that writes. All but its opening happens on its goroutine.
type writer struct {
	s    *Store
	conn driver.Conn

	begin, commit, insert, run1, head, mark, move, rows1, unrun, pin, expire, claim, file, unfile, note, noted, unnote, bill, billed, unbill *stmt

	nextRow, nextNum int64
	newest           string // greatest run id known; ids above it are surely new
	marked           int64  // row of the last mark

	ends  map[string]*end // of runs in Store.tails, and ahead of it while a group is written
	moved []*end          // whose runs row is behind
	heads int             // written since Open
}

// end is the writer's own view of a run's tail, ahead of the durable one during a group.
type end struct {
	tail
	id    string
	moved bool        // listed in writer.moved
	fresh bool        // has no runs row yet
	touch bool        // changed by this group
	head  *store.Head // to write in this group
}

// stmt is a prepared statement with its arguments in place, so that a row costs no more than its binding.
type stmt struct {
	s    driver.Stmt
	args []driver.NamedValue
}

func (st *stmt) exec(values ...driver.Value) error {
	for i, v := range values {
		st.args[i].Value = v
	}
	_, err := st.s.(driver.StmtExecContext).ExecContext(context.Background(), st.args)
	return err
}

func openWriter(s *Store, dsn string) (*writer, error) {
	conn, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &writer{s: s, conn: conn, nextRow: 1, nextNum: 1, ends: map[string]*end{}}, nil
}

func (w *writer) exec(sql string) error {
	_, err := w.conn.(driver.ExecerContext).ExecContext(context.Background(), sql, nil)
	return err
}

// load brings the schema up to date and reads where every chain touched since the last mark ends.
func (w *writer) load(ctx context.Context) error {
	if err := w.migrate(ctx); err != nil {
		return err
	}
	if err := w.prepare(); err != nil {
		return err
	}
	var newest sql.NullString
	row := w.s.read.QueryRowContext(ctx, `SELECT (SELECT value FROM meta WHERE key = 'mark'), (SELECT max(id) FROM runs),
		(SELECT coalesce(max(num), 0) + 1 FROM runs),
		1 + max((SELECT value FROM meta WHERE key = 'mark'), (SELECT coalesce(max(id), 0) FROM journal))`) // rows may have been removed
	if err := row.Scan(&w.marked, &newest, &w.nextNum, &w.nextRow); err != nil {
		return err
	}
	w.newest = newest.String
	return w.replay(ctx)
}

func (w *writer) prepare() error {
	for _, p := range []struct {
		to   **stmt
		args int
		sql  string
	}{
		{&w.begin, 0, "BEGIN IMMEDIATE"},
		{&w.commit, 0, "COMMIT"},
		{&w.insert, 6, "INSERT INTO journal (id, run, prev, seq, n, data) VALUES (?, ?, ?, ?, ?, ?)"},
		{&w.run1, 12, `INSERT INTO runs (num, id, row, seq, listed, pipeline, digest, state, error, owner, created, updated, head_seq)
			VALUES (?1, ?2, ?3, ?4, ?12 IS NOT NULL, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`},
		{&w.head, 11, `UPDATE runs SET row = ?2, seq = ?3, listed = 1, pipeline = ?4, digest = ?5, state = ?6, error = ?7,
			owner = ?8, created = ?9, updated = ?10, head_seq = ?11,
			noted = noted AND pipeline = ?4 AND error = ?7 AND owner = ?8 WHERE num = ?1`},
		{&w.move, 3, "UPDATE runs SET row = ?2, seq = ?3 WHERE num = ?1"},
		{&w.rows1, 1, "DELETE FROM journal WHERE id IN (" + wholeChain + ")"},
		{&w.unrun, 1, "DELETE FROM runs WHERE num = ?1"},
		{&w.pin, 2, "UPDATE runs SET pinned = ?2 WHERE num = ?1"},
		{&w.expire, 1, "DELETE FROM keys WHERE until <= ?1"},
		{&w.claim, 4, "INSERT OR IGNORE INTO keys (key, run, body, until) VALUES (?1, ?2, ?3, ?4)"},
		{&w.file, 7, `INSERT OR IGNORE INTO files (run, digest, media, name, size, at, created, pipeline)
			SELECT num, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(pipeline, '') FROM runs WHERE num = ?1`},
		{&w.unfile, 1, "DELETE FROM files WHERE run = ?1"},
		{&w.note, 2, "INSERT OR REPLACE INTO texts (rowid, grams) VALUES (?1, ?2)"},
		{&w.noted, 1, "UPDATE runs SET noted = 1 WHERE num = ?1"},
		{&w.unnote, 1, "DELETE FROM texts WHERE rowid = ?1"},
		{&w.bill, 7, `INSERT INTO bills (run, seq, pipeline, owner, first, last, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (run) DO UPDATE SET seq = ?2, pipeline = ?3, owner = ?4, first = ?5, last = ?6, data = ?7 WHERE ?2 >= seq`},
		{&w.billed, 2, "UPDATE runs SET billed = ?2 WHERE id = ?1"},
		{&w.unbill, 1, "DELETE FROM bills WHERE last < ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE id = bills.run)"},
		{&w.mark, 1, "UPDATE meta SET value = ?1 WHERE key = 'mark'"},
	} {
		s, err := w.conn.Prepare(p.sql)
		if err != nil {
			return err
		}
		*p.to = &stmt{s: s, args: make([]driver.NamedValue, p.args)}
		for i := range p.args {
			(*p.to).args[i].Ordinal = i + 1
		}
	}
	return nil
}

// replay follows the rows after the last mark.
func (w *writer) replay(ctx context.Context) error {
	rows, err := w.s.read.QueryContext(ctx, `SELECT j.id, j.run, j.prev, j.seq, j.n, r.id, r.row, r.seq
		FROM journal j LEFT JOIN runs r ON r.num = j.run WHERE j.id > ? ORDER BY j.id`, w.marked)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at tail
		var row, prev, n int64
		var seq uint64
		var id sql.NullString
		var knownRow, knownSeq sql.NullInt64
		if err := rows.Scan(&row, &at.num, &prev, &seq, &n, &id, &knownRow, &knownSeq); err != nil {
			return err
		}
		e := w.ends[id.String]
		if e == nil {
			e = &end{id: id.String, tail: tail{num: at.num, row: knownRow.Int64, seq: uint64(knownSeq.Int64)}}
			w.ends[e.id] = e
		}
		if row <= e.row { // a head was written with a later row than this one
			continue
		}
		if !id.Valid || prev != e.row || seq != e.seq+1 || n < 1 {
			return w.s.damaged(fmt.Sprintf("row %d does not follow its run's last one", row))
		}
		e.row, e.seq = row, seq+uint64(n)-1
		w.behind(e)
	}
	for id, e := range w.ends {
		w.s.tails[id] = e.tail
	}
	return rows.Err()
}

func (w *writer) behind(e *end) {
	if !e.moved {
		e.moved = true
		w.moved = append(w.moved, e)
	}
}

// run commits group after group until the store ends.
func (w *writer) run() {
	defer close(w.s.done)
	empty := make([]*item, 0, pendingGuess)
	last := 0
	for range w.s.wake {
		runtime.Gosched() // those who were just answered are runnable: let them join this group
		if last >= crowd {
			w.s.gather(last)
		}
		group, end := w.s.take(empty)
		last = len(group)
		appends, jobs := split(group)
		if errors.Is(end, store.ErrStopped) {
			refuse(group, end)
		} else if open, err := w.write(appends); err != nil {
			w.stop(append(open, jobs...), err)
		} else {
			w.work(jobs)
		}
		clear(group)
		empty = group
		if end != nil && len(group) == 0 {
			return
		}
		if end != nil {
			poke(w.s.wake) // once more, for those that came before the end
		}
	}
}

// stop refuses what is left of the group, and everything after it: what the file holds now is not known for sure.
func (w *writer) stop(group []*item, err error) {
	_ = w.exec("ROLLBACK") // after a failed COMMIT there may be nothing to roll back
	err = fmt.Errorf("%w: %w", store.ErrStopped, w.s.explain("commit", err))
	w.s.end(err)
	refuse(group, err)
}

func refuse(group []*item, why error) {
	for _, it := range group {
		if it.job != nil {
			it.finish(why)
		} else {
			it.finish(fmt.Errorf("%s: append: %w", it.a.Run, why))
		}
	}
}

// close writes a mark, when the journal may still be written, and lets go of the file.
func (w *writer) close() error {
	var err error
	if !errors.Is(w.s.queue.end, store.ErrStopped) && len(w.moved) > 0 {
		if err = w.begin.exec(); err == nil {
			if err = w.writeMark(w.nextRow - 1); err == nil {
				err = w.commit.exec()
			}
		}
	}
	for _, st := range []*stmt{w.begin, w.commit, w.insert, w.run1, w.head, w.mark, w.move, w.rows1, w.unrun, w.pin, w.expire, w.claim, w.file, w.unfile, w.note, w.noted, w.unnote, w.bill, w.billed, w.unbill} {
		err = errors.Join(err, st.s.Close())
	}
	return errors.Join(err, w.conn.Close())
}

func nanos(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}
