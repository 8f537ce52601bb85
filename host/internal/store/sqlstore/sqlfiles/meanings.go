package sqlfiles

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/store"
)

const finding = "find files by what they are about"

// Undescribed implements store.Meanings.
func (t *Table) Undescribed(ctx context.Context, in store.Space, limit int) ([]store.File, error) {
	return t.list(ctx, "list files that are not described", columns+from+
		" WHERE NOT EXISTS (SELECT 1 FROM meanings m WHERE m.num = f.num AND m.model = ? AND m.dims = ?) ORDER BY f.num DESC LIMIT ?", in.Model, in.Dimensions, limit)
}

// Describe implements store.Meanings.
func (t *Table) Describe(ctx context.Context, in store.Space, meanings []store.Meaning) error {
	var changes []Change
	for _, m := range meanings {
		var problem driver.Value
		vector := Change{"DELETE FROM vectors WHERE num = ?1", []driver.Value{m.Num}}
		switch {
		case m.Vector == nil:
			problem = m.Problem
		case len(m.Vector) != in.Dimensions:
			return fmt.Errorf("describe file %d: %d numbers, and not %d", m.Num, len(m.Vector), in.Dimensions)
		default:
			vector = Change{"INSERT OR REPLACE INTO vectors (num, vector) SELECT num, ?2 FROM files WHERE num = ?1", []driver.Value{m.Num, bytesOf(m.Vector)}}
		}
		changes = append(changes, vector, Change{"INSERT OR REPLACE INTO meanings (num, model, dims, problem) SELECT num, ?2, ?3, ?4 FROM files WHERE num = ?1",
			[]driver.Value{m.Num, in.Model, int64(in.Dimensions), problem}})
	}
	t.near.mu.Lock() // nobody reads between the change and its place in memory
	defer t.near.mu.Unlock()
	if err := t.cfg.Write(ctx, changes); err != nil {
		return fmt.Errorf("describe files: %w", err)
	}
	if !t.near.has {
		return nil
	}
	nums := make([]any, len(meanings))
	for k, m := range meanings {
		nums[k] = m.Num
	}
	there := map[int64]bool{}
	if err := t.eachNum(ctx, "f.num IN ("+places(len(nums))+")", nums, func(num int64) { there[num] = true }); err != nil {
		t.near.forget()
		return nil //nolint:nilerr // they are described; the next search reads them
	}
	for _, m := range meanings {
		if there[m.Num] {
			t.near.set(in, m)
		}
	}
	return nil
}

// places are so many, for values.
func places(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// Forget implements store.Meanings.
func (t *Table) Forget(ctx context.Context, digest string) error {
	err := t.cfg.Write(ctx, []Change{
		{"DELETE FROM vectors WHERE num IN (SELECT num FROM files WHERE digest = ?1)", []driver.Value{digest}},
		{"DELETE FROM meanings WHERE num IN (SELECT num FROM files WHERE digest = ?1)", []driver.Value{digest}},
	})
	t.Removed()
	if err != nil {
		return fmt.Errorf("forget what files are about: %w", err)
	}
	return nil
}

// Described implements store.Meanings.
func (t *Table) Described(ctx context.Context, in store.Space) (d store.Described, err error) {
	err = t.cfg.Read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM files), count(*) - count(problem), count(problem) FROM meanings
		WHERE model = ? AND dims = ?`, in.Model, in.Dimensions).Scan(&d.Files, &d.Vectors, &d.Failed)
	if err != nil {
		return d, t.cfg.Explain(ctx, "count described files", err)
	}
	return d, nil
}

// Nearest implements store.Nearest: it compares with every vector.
func (t *Table) Nearest(ctx context.Context, in store.Space, vector []float32, q store.FileQuery, skip int) ([]store.Near, error) {
	q.Before = 0
	if len(vector) != in.Dimensions {
		return nil, nil
	}
	order, err := t.best(ctx, in, vector, q, skip)
	if err != nil || len(order) == 0 {
		return nil, err
	}
	nums := make([]any, len(order))
	for k, s := range order {
		nums[k] = s.Num
	}
	files, err := t.list(ctx, finding, columns+from+" WHERE f.num IN ("+places(len(nums))+")", nums...)
	return store.Ranked(order, files), err
}

func bytesOf(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}
