package pgfiles

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

const finding = "find files by what they are about"

// Undescribed implements store.Meanings.
func (t *Table) Undescribed(ctx context.Context, in store.Space, limit int) ([]store.File, error) {
	// EXCEPT, since a plan for NOT EXISTS depends on statistics that a table which has just grown does not have: seconds, and not milliseconds.
	return t.list(ctx, "list files that are not described", columns+from+` WHERE f.num = ANY (ARRAY (
		SELECT num FROM spinbot.files EXCEPT SELECT num FROM spinbot.meanings WHERE model = $1 AND dims = $2 ORDER BY 1 DESC LIMIT $3)) ORDER BY f.num DESC`,
		in.Model, in.Dimensions, limit)
}

// Describe implements store.Meanings.
func (t *Table) Describe(ctx context.Context, in store.Space, meanings []store.Meaning) error {
	for _, m := range meanings {
		if m.Vector != nil && len(m.Vector) != in.Dimensions {
			return fmt.Errorf("describe file %d: %d numbers, and not %d", m.Num, len(m.Vector), in.Dimensions)
		}
	}
	if err := t.index(ctx, in); err != nil {
		return err
	}
	err := t.cfg.Insist(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, t.cfg.Pool, func(tx pgx.Tx) error {
			batch := &pgx.Batch{}
			for _, m := range meanings {
				var problem *string
				if m.Vector == nil {
					problem = &m.Problem
				}
				// A file that goes meanwhile is waited for: then it is not there.
				batch.Queue(`INSERT INTO spinbot.meanings (num, model, dims, vector, problem) SELECT num, $2, $3, $4, $5 FROM spinbot.files WHERE num = $1 FOR KEY SHARE
					ON CONFLICT (num) DO UPDATE SET model = excluded.model, dims = excluded.dims, vector = excluded.vector, problem = excluded.problem`,
					m.Num, in.Model, in.Dimensions, m.Vector, problem)
			}
			return tx.SendBatch(ctx, batch).Close()
		})
	})
	return t.cfg.Say("describe files", err)
}

// Forget implements store.Meanings.
func (t *Table) Forget(ctx context.Context, digest string) error {
	err := t.cfg.Insist(ctx, func(ctx context.Context) error {
		_, err := t.cfg.Pool.Exec(ctx, "DELETE FROM spinbot.meanings WHERE num IN (SELECT num FROM spinbot.files WHERE digest = $1)", digest)
		return err
	})
	return t.cfg.Say("forget what files are about", err)
}

// Described implements store.Meanings.
func (t *Table) Described(ctx context.Context, in store.Space) (d store.Described, err error) {
	err = t.cfg.Insist(ctx, func(ctx context.Context) error {
		return t.cfg.Pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM spinbot.files), count(*) - count(problem), count(problem) FROM spinbot.meanings
			WHERE model = $1 AND dims = $2`, in.Model, in.Dimensions).Scan(&d.Files, &d.Vectors, &d.Failed)
	})
	return d, t.cfg.Say("count described files", err)
}

// Nearest implements store.Nearest: by the index where the extension is there, else by comparing with every vector.
func (t *Table) Nearest(ctx context.Context, in store.Space, vector []float32, q store.FileQuery, skip int) (found []store.Near, err error) {
	q.Before = 0
	if len(vector) != in.Dimensions || q.Limit <= 0 {
		return nil, nil
	}
	x := t.extension()
	err = t.cfg.Insist(ctx, func(ctx context.Context) error {
		if x.there() {
			found, err = t.indexed(ctx, x, in, vector, q, skip)
		} else {
			found, err = t.compared(ctx, in, vector, q, skip)
		}
		return err
	})
	return found, t.cfg.Say(finding, err)
}

// compared compares with every vector.
func (t *Table) compared(ctx context.Context, in store.Space, vector []float32, q store.FileQuery, skip int) ([]store.Near, error) {
	var args []any
	rows, err := t.cfg.Pool.Query(ctx, "SELECT m.num, m.vector FROM spinbot.meanings m JOIN spinbot.files f ON f.num = m.num WHERE "+selects(q, &args)+
		" AND m.vector IS NOT NULL AND m.model = "+place(&args, in.Model)+" AND m.dims = "+place(&args, in.Dimensions), args...)
	if err != nil {
		return nil, err
	}
	best := store.NewBest(skip + q.Limit)
	var num int64
	var row []float32
	if _, err := pgx.ForEachRow(rows, []any{&num, &row}, func() error {
		if len(row) == len(vector) {
			best.Add(num, store.Dot(row, vector))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	order := best.Page(skip)
	nums := make([]int64, len(order))
	for k, s := range order {
		nums[k] = s.Num
	}
	if rows, err = t.cfg.Pool.Query(ctx, columns+from+" WHERE f.num = ANY($1)", nums); err != nil {
		return nil, err
	}
	files, err := pgx.CollectRows(rows, file)
	return store.Ranked(order, files), err
}
