package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// write commits the group's good items in one transaction and answers every item, unless it returns an error:
// then those that it returns were not answered. An answered item is its caller's again, and never looked at.
func (w *writer) write(group []*item) ([]*item, error) {
	group, touched, err := w.place(group)
	if err != nil || len(group) == 0 {
		return group, err
	}
	if err := w.store(group, touched); err != nil {
		return group, err
	}
	for _, it := range group {
		w.s.watchers.Notify(it.a.Run)
		it.finish(nil)
	}
	return nil, nil
}

func (w *writer) store(group []*item, touched []*end) error {
	if err := w.begin.exec(); err != nil {
		return err
	}
	if err := w.rows(group, touched); err != nil {
		return err
	}
	marking := w.nextRow-1-w.marked >= markEvery
	if marking {
		if err := w.writeMark(w.nextRow - 1); err != nil {
			return err
		}
	}
	if err := w.commit.exec(); err != nil {
		return err
	}
	w.s.commits.Add(1)
	w.publish(touched, marking)
	return nil
}

// place gives each item its row, or its refusal. It returns the items not answered, and the runs they change.
func (w *writer) place(group []*item) (good []*item, touched []*end, err error) {
	good = group[:0]
	for i, it := range group {
		if it.ctx.Err() != nil {
			it.finish(fmt.Errorf("%s: append: %w", it.a.Run, context.Cause(it.ctx)))
			continue
		}
		e, err := w.end(it.a.Run)
		if err != nil {
			return append(good, group[i:]...), nil, err
		}
		if e.seq != it.a.After {
			it.finish(&store.ConflictError{Run: it.a.Run, After: it.a.After, Head: e.seq})
			continue
		}
		if w.follow(e, it); !e.touch {
			e.touch = true
			touched = append(touched, e)
		}
		good = append(good, it)
	}
	return good, touched, nil
}

// follow moves the end of the run's chain past the item.
func (w *writer) follow(e *end, it *item) {
	if e.num == 0 {
		e.num, e.fresh = w.nextNum, true
		w.nextNum++
		w.newest = max(w.newest, e.id)
		w.ends[e.id] = e
	}
	if it.a.Head != nil {
		e.head = it.a.Head
	}
	it.row = w.nextRow
	w.nextRow++
	e.seq += uint64(len(it.a.Events))
}

// end finds where the run's chain ends; a run without any gives a zero number.
func (w *writer) end(id string) (*end, error) {
	if e := w.ends[id]; e != nil {
		return e, nil
	}
	if id > w.newest {
		return &end{id: id}, nil
	}
	e := &end{id: id}
	err := w.s.read.QueryRow("SELECT num, row, seq FROM runs WHERE id = ?", id).Scan(&e.num, &e.row, &e.seq)
	if errors.Is(err, sql.ErrNoRows) {
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	w.ends[id] = e
	return e, nil
}

// rows inserts the group's rows in order, then what it changes in the table of runs, once per run, then the files that it names.
func (w *writer) rows(group []*item, touched []*end) error {
	for _, it := range group {
		e, n := w.ends[it.a.Run], len(it.a.Events)
		seal(it.data, e.num, it.a.After+1, n)
		if err := w.insert.exec(it.row, e.num, e.row, int64(it.a.After)+1, int64(n), it.data); err != nil {
			return err
		}
		e.row = it.row
	}
	for _, e := range touched {
		if err := w.index(e); err != nil {
			return err
		}
		e.touch, e.head, e.fresh = false, nil, false
	}
	for _, it := range group {
		for _, f := range it.a.Files {
			if err := w.file.exec(w.ends[it.a.Run].num, f.Digest, f.MediaType, f.Name, f.Size, f.At, nanos(f.Created)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) index(e *end) error {
	h := e.head
	if h != nil {
		if w.heads++; w.heads%noteEvery == 0 {
			poke(w.s.fresh)
		}
	}
	switch {
	case e.fresh && h == nil:
		return w.run1.exec(e.num, e.id, e.row, int64(e.seq), nil, nil, nil, nil, nil, nil, nil, nil)
	case e.fresh:
		return w.run1.exec(e.num, e.id, e.row, int64(e.seq), h.Pipeline, h.Digest, h.State, h.Error, h.Owner,
			nanos(h.Created), nanos(h.Updated), int64(h.Seq))
	case h != nil:
		w.s.outdate(e.id)
		return w.head.exec(e.num, e.row, int64(e.seq), h.Pipeline, h.Digest, h.State, h.Error, h.Owner,
			nanos(h.Created), nanos(h.Updated), int64(h.Seq))
	}
	w.behind(e)
	return nil
}

// writeMark writes down every chain's end, so that rows up to this one need not be followed at the next start.
func (w *writer) writeMark(row int64) error {
	for _, e := range w.moved {
		if err := w.move.exec(e.num, e.row, int64(e.seq)); err != nil {
			return err
		}
	}
	return w.mark.exec(row)
}

// publish makes the committed ends the ones that readers begin from.
func (w *writer) publish(touched []*end, marked bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for _, e := range touched {
		w.s.tails[e.id] = e.tail
	}
	if !marked {
		return
	}
	for _, e := range w.moved {
		e.moved = false
	}
	w.moved, w.marked = w.moved[:0], w.nextRow-1
	if len(w.ends) > maxTails { // every end is in the table now, and is read from there when needed
		w.ends, w.s.tails = map[string]*end{}, map[string]tail{}
	}
}
