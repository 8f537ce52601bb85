package pgstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// What runs say is noted in the table texts after they were stored, a few at a time: neither an append nor Open waits for
// it. Until then a search looks at them. Every host notes, whoever's runs they are.
const (
	noteEvery = 256         // heads written until the next are noted
	noteRuns  = 64          // noted in one transaction
	noteRest  = 19          // times as long as one took, before the next
	busyRest  = 199         // the same, while much is appended
	busy      = 16          // groups of appends committed in a rest that are much
	longRest  = time.Minute // the longest rest: one that took long may have waited for a server that was away
)

// noteTexts notes what is fresh until the store is closed.
func (s *Store) noteTexts() {
	defer close(s.noting)
	for {
		select {
		case <-s.alive.Done():
			return
		case <-s.fresh:
		}
		for more, commits := true, s.Commits(); more; {
			start, rest := time.Now(), time.Duration(noteRest)
			if s.Commits()-commits > busy {
				rest = busyRest
			}
			err := s.insist(s.alive, func(ctx context.Context) error {
				return s.read.QueryRow(ctx, "SELECT spinbot.note($1)", noteRuns).Scan(&more)
			})
			if err != nil {
				break // the next heads come to it again
			}
			took := time.Since(start)
			commits = s.Commits()
			select {
			case <-s.alive.Done():
				return
			case <-time.After(min(rest*took, longRest)):
			}
		}
	}
}

// Scan implements store.Texts.
func (s *Store) Scan(ctx context.Context, q store.Query) ([]store.Head, error) {
	return s.list(ctx, "spinbot.runs", q)
}

// Edge implements store.Texts.
func (s *Store) Edge(ctx context.Context, q store.Query, n int) (string, error) {
	where, args := selects(q)
	var id []byte
	err := s.insist(ctx, func(ctx context.Context) error {
		err := s.read.QueryRow(ctx, "SELECT id FROM spinbot.runs WHERE "+where+" ORDER BY id DESC LIMIT 1 OFFSET "+number(&args, n-1), args...).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return string(id), s.say("list runs", err)
}

// Lookup implements store.Texts.
func (s *Store) Lookup(ctx context.Context, q store.Query, most int) ([]store.Head, bool, error) {
	grams, begin := q.Grams()
	match := "'" + strings.Join(grams, "' & '") + "'"
	if begin {
		match += ":*"
	}
	var nums []int64
	err := s.insist(ctx, func(ctx context.Context) error {
		rows, err := s.read.Query(ctx, `SELECT run FROM spinbot.texts WHERE grams @@ $1::tsquery
			UNION ALL SELECT num FROM spinbot.runs WHERE listed AND NOT noted LIMIT $2`, match, most+1)
		if err != nil {
			return err
		}
		nums, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil || len(nums) > most {
		return nil, false, s.say("list runs", err)
	}
	// OFFSET 0 keeps PostgreSQL from walking all runs in the order of their ids.
	heads, err := s.list(ctx, "(SELECT * FROM spinbot.runs WHERE num = ANY($1) OFFSET 0) few", q, nums)
	return heads, err == nil, err
}
