package pgstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

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

// number adds an argument and gives its name.
func number(args *[]any, value any) string {
	*args = append(*args, value)
	return fmt.Sprintf("$%d", len(*args))
}

// selects gives the condition of what the query selects, whatever its text; its arguments come after those that are given.
func selects(q store.Query, args ...any) (where string, all []any) {
	where = "listed"
	and := func(format string, value any) {
		where += " AND " + strings.ReplaceAll(format, "?", number(&args, value))
	}
	if q.Prefix != "" {
		and("id >= ? AND substr(id, 1, length(?)) = ?", []byte(q.Prefix))
	}
	if q.Before != "" {
		and("id < ?", []byte(q.Before))
	}
	if q.Pipeline != "" {
		and("pipeline = ?", []byte(q.Pipeline))
	}
	if len(q.States) > 0 {
		states := make([][]byte, len(q.States))
		for i, state := range q.States {
			states[i] = []byte(state)
		}
		and("state = ANY(?)", states)
	}
	if q.Owner != "" {
		and("owner = ?", []byte(q.Owner))
	}
	if q.From != "" {
		and("id >= ?", []byte(q.From))
	}
	return where, args
}

// list gives the runs from a table or a subquery that the query selects.
func (s *Store) list(ctx context.Context, from string, q store.Query, args ...any) ([]store.Head, error) {
	where, args := selects(q, args...)
	if q.Text != "" {
		where += ` AND position(` + number(&args, []byte(store.Lower(q.Text))) + ` in spinbot.small(id || '\x0a' || pipeline || '\x0a' || owner || '\x0a' || error)) > 0`
	}
	where += " ORDER BY id DESC"
	if q.Limit > 0 {
		where += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return s.heads(ctx, from+" WHERE "+where, args...)
}

// Find implements store.Index.
func (s *Store) Find(ctx context.Context, id string) (store.Head, error) {
	var heads []store.Head
	var err error
	if id == "last" {
		heads, err = s.List(ctx, store.Query{Limit: 1})
	} else {
		heads, err = s.heads(ctx, `spinbot.runs WHERE listed AND id >= $1 AND substr(id, 1, length($1)) = $1 ORDER BY id = $1 DESC, id DESC LIMIT $2`,
			[]byte(id), store.MaxCandidates+1)
	}
	if err != nil {
		return store.Head{}, err
	}
	return store.Choose(id, heads)
}

func (s *Store) heads(ctx context.Context, from string, args ...any) (out []store.Head, err error) {
	err = s.insist(ctx, func(ctx context.Context) error {
		rows, err := s.read.Query(ctx, "SELECT "+columns+" FROM "+from, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, head)
		return err
	})
	return out, s.say("list runs", err)
}

func head(row pgx.CollectableRow) (store.Head, error) {
	var id, pipeline, digest, state, text, owner []byte
	var created, updated *int64
	var h store.Head
	err := row.Scan(&id, &pipeline, &digest, &state, &text, &owner, &created, &updated, &h.Seq, &h.Pinned)
	h.Run, h.Pipeline, h.Digest, h.State, h.Error, h.Owner = string(id), string(pipeline), string(digest), string(state), string(text), string(owner)
	h.Created, h.Updated = moment(created), moment(updated)
	return h, err
}

func moment(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns).UTC()
}
