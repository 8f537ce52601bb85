package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// What runs say is noted in the table texts after they were stored, a few at a time: an append does not wait for it, and
// neither does Open. Until then a search looks at them.
const (
	noteEvery = 256         // heads written until the next are noted
	noteRuns  = 64          // noted in one transaction
	noteBytes = 16 << 10    // of text in one transaction, but for its last run
	noteRest  = 19          // times as long as one took, before the next
	busyRest  = 199         // the same, while much is appended
	busy      = 16          // groups of appends committed in a rest that are much
	longRest  = time.Minute // the longest rest: one that took long says more of the machine than of the next
)

// noteTexts notes what is fresh until the store ends.
func (s *Store) noteTexts() {
	defer close(s.noting)
	for {
		select {
		case <-s.done:
			return
		case <-s.fresh:
		}
		for more, commits := true, s.Commits(); more; {
			start, rest := time.Now(), time.Duration(noteRest)
			if s.Commits()-commits > busy {
				rest = busyRest
			}
			err := s.do(context.Background(), func() (err error) {
				more, err = s.w.noteSome()
				return err
			})
			if err != nil {
				return // the store has stopped, or was closed
			}
			took := time.Since(start)
			commits = s.Commits()
			select {
			case <-s.done:
				return
			case <-time.After(min(rest*took, longRest)):
			}
		}
	}
}

type text struct {
	num   int64
	grams string
}

// noteSome notes the oldest that are fresh, when they are enough for a transaction.
func (w *writer) noteSome() (more bool, err error) {
	texts, err := w.freshTexts()
	if err != nil || texts == nil {
		return false, err
	}
	return true, w.transaction(func() error {
		for _, t := range texts {
			if err := errors.Join(w.note.exec(t.num, t.grams), w.noted.exec(t.num)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) freshTexts() ([]text, error) {
	rows, err := w.s.read.Query("SELECT num, id, pipeline, owner, error FROM runs WHERE listed AND NOT noted ORDER BY num LIMIT ?", noteRuns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []text
	size := 0
	for rows.Next() && size < noteBytes {
		var t text
		var h store.Head
		if err := rows.Scan(&t.num, &h.Run, &h.Pipeline, &h.Owner, &h.Error); err != nil {
			return nil, err
		}
		t.grams = strings.Join(h.Grams(), " ")
		size += len(h.Text())
		texts = append(texts, t)
	}
	if size < noteBytes && len(texts) < noteRuns {
		return nil, rows.Err()
	}
	return texts, rows.Err()
}

// Scan implements store.Texts.
func (s *Store) Scan(ctx context.Context, q store.Query) ([]store.Head, error) {
	return s.list(ctx, "runs", q)
}

// Edge implements store.Texts.
func (s *Store) Edge(ctx context.Context, q store.Query, n int) (id string, err error) {
	where, args := selects(q)
	err = s.read.QueryRowContext(ctx, "SELECT id FROM runs WHERE "+where+" ORDER BY id DESC LIMIT 1 OFFSET ?", append(args, n-1)...).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", s.listError(ctx, err)
	}
	return id, nil
}

// hits are the numbers of runs that the grams ?1 lead to, and of those that are not noted, or not as they are now.
const hits = "SELECT rowid AS hit FROM texts WHERE texts MATCH ?1 UNION ALL SELECT num FROM runs WHERE listed AND NOT noted"

// Lookup implements store.Texts.
func (s *Store) Lookup(ctx context.Context, q store.Query, most int) ([]store.Head, bool, error) {
	grams, begin := q.Grams()
	match := `"` + strings.Join(grams, `" AND "`) + `"`
	if begin {
		match += "*"
	}
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT count(*) FROM ("+hits+" LIMIT ?2)", match, most+1).Scan(&n)
	if err != nil {
		return nil, false, s.listError(ctx, err)
	}
	if n > most {
		return nil, false, nil
	}
	heads, err := s.list(ctx, "(SELECT DISTINCT hit FROM ("+hits+")) CROSS JOIN runs ON num = hit", q, match) // joined in this order
	return heads, err == nil, err
}
