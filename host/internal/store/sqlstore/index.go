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
	where, args := []string{"listed"}, []any{}
	and := func(sql string, values ...any) {
		where = append(where, sql)
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
		and("state IN (?" + strings.Repeat(", ?", len(q.States)-1) + ")")
		for _, state := range q.States {
			args = append(args, state)
		}
	}
	if q.Owner != "" {
		and("owner = ?", q.Owner)
	}
	if q.From != "" {
		and("id >= ?", q.From)
	}
	if q.Text != "" {
		and("instr(lower(id || char(10) || pipeline || char(10) || owner || char(10) || error), ?) > 0", store.Lower(q.Text))
	}
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	return s.heads(ctx, "WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
}

// Find implements store.Index.
func (s *Store) Find(ctx context.Context, id string) (store.Head, error) {
	var heads []store.Head
	var err error
	if id == "last" {
		heads, err = s.List(ctx, store.Query{Limit: 1})
	} else {
		heads, err = s.heads(ctx, `WHERE listed AND id >= ?1 AND substr(id, 1, length(?1)) = ?1
			ORDER BY id = ?1 DESC, id DESC LIMIT ?2`, id, store.MaxCandidates+1)
	}
	if err != nil {
		return store.Head{}, err
	}
	return store.Choose(id, heads)
}

func (s *Store) heads(ctx context.Context, rest string, args ...any) ([]store.Head, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+columns+" FROM runs "+rest, args...)
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
