package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

const columns = "id, pipeline, digest, state, error, owner, created, updated, head_seq, pinned"

// List implements store.Index.
func (s *Store) List(ctx context.Context, q store.Query) ([]store.Head, error) {
	if q.Text != "" {
		return store.Search(ctx, s, q)
	}
	return s.Scan(ctx, q)
}

// selects gives the condition of what the query selects, whatever its text.
func selects(q store.Query) (where string, args []any) {
	where = "listed"
	and := func(sql string, values ...any) {
		where += " AND " + sql
		args = append(args, values...)
	}
	if q.Prefix != "" {
		and("id >= ? AND substr(id, 1, length(?)) = ?", q.Prefix, q.Prefix, q.Prefix)
	}
	if q.Before != "" {
		and("id < ?", q.Before)
	}
	if q.Pipeline != "" {
		and("pipeline = ?", q.Pipeline)
	}
	if len(q.States) > 0 {
		states := make([]any, len(q.States))
		for i, state := range q.States {
			states[i] = state
		}
		and("state IN (?"+strings.Repeat(", ?", len(q.States)-1)+")", states...)
	}
	if q.Owner != "" {
		and("owner = ?", q.Owner)
	}
	if q.From != "" {
		and("id >= ?", q.From)
	}
	return where, args
}

const hasText = " AND instr(lower(id || char(10) || pipeline || char(10) || owner || char(10) || error), ?) > 0"

// list gives the runs from a table or a join that the query selects.
func (s *Store) list(ctx context.Context, from string, q store.Query, args ...any) ([]store.Head, error) {
	where, more := selects(q)
	args = append(args, more...)
	if q.Text != "" {
		where += hasText
		args = append(args, store.Lower(q.Text))
	}
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	return s.heads(ctx, from+" WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
}

// Find implements store.Index.
func (s *Store) Find(ctx context.Context, id string) (store.Head, error) {
	var heads []store.Head
	var err error
	if id == "last" {
		heads, err = s.List(ctx, store.Query{Limit: 1})
	} else {
		heads, err = s.heads(ctx, `runs WHERE listed AND id >= ?1 AND substr(id, 1, length(?1)) = ?1
			ORDER BY id = ?1 DESC, id DESC LIMIT ?2`, id, store.MaxCandidates+1)
	}
	if err != nil {
		return store.Head{}, err
	}
	return store.Choose(id, heads)
}

func (s *Store) heads(ctx context.Context, from string, args ...any) ([]store.Head, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+columns+" FROM "+from, args...)
	if err != nil {
		return nil, s.listError(ctx, err)
	}
	defer rows.Close()
	var out []store.Head
	for rows.Next() {
		var h store.Head
		var created, updated sql.NullInt64
		if err := rows.Scan(&h.Run, &h.Pipeline, &h.Digest, &h.State, &h.Error, &h.Owner, &created, &updated, &h.Seq, &h.Pinned); err != nil {
			return nil, s.listError(ctx, err)
		}
		h.Created, h.Updated = moment(created), moment(updated)
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, s.listError(ctx, err)
	}
	return out, nil
}

func (s *Store) listError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("list runs: %w", context.Cause(ctx))
	}
	return s.explain("list runs", s.ended(err))
}

func moment(ns sql.NullInt64) time.Time {
	if !ns.Valid {
		return time.Time{}
	}
	return time.Unix(0, ns.Int64).UTC()
}
