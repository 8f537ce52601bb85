// Package sqlfiles reads and describes the artifacts of runs in the tables of sqlstore, whose file and whose writes are not its own.
package sqlfiles

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Change is one statement that writes.
type Change struct {
	SQL  string
	Args []driver.Value
}

// Config is what sqlstore gives.
type Config struct {
	Read *sql.DB
	// Write makes changes, all or none of them, between two groups of appends.
	Write func(ctx context.Context, changes []Change) error
	// Explain says in words what went wrong with reading.
	Explain func(ctx context.Context, doing string, err error) error
}

// Table is a store.Files, store.Meanings and store.Nearest.
type Table struct {
	cfg  Config
	near matrix
}

// New makes it.
func New(c Config) *Table { return &Table{cfg: c} }

const (
	columns = "SELECT f.num, r.id, f.pipeline, f.digest, f.media, f.name, f.size, f.at, f.created"
	from    = " FROM files f JOIN runs r ON r.num = f.run"
)

// selects is what the query says of files, without an order and a limit.
func selects(q store.FileQuery) (where string, args []any) {
	all := []string{"true"}
	and := func(sql string, values ...any) {
		all = append(all, sql)
		args = append(args, values...)
	}
	if q.Run != "" {
		and("f.run = (SELECT num FROM runs WHERE id = ?)", q.Run)
	}
	if q.Pipeline != "" {
		and("f.pipeline = ?", q.Pipeline)
	}
	if q.MediaType != "" {
		and("substr(f.media, 1, length(?)) = ?", q.MediaType, q.MediaType)
	}
	if q.Text != "" {
		and("instr(lower(f.name), ?) > 0", store.Lower(q.Text))
	}
	if q.Before != 0 {
		and("f.num < ?", q.Before)
	}
	return strings.Join(all, " AND "), args
}

// Files implements store.Files.
func (t *Table) Files(ctx context.Context, q store.FileQuery) (out []store.File, err error) {
	where, args := selects(q)
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	// what is left out is left out before its run is looked for
	page := " FROM (SELECT * FROM files f WHERE " + where + " ORDER BY num DESC LIMIT ? OFFSET ?) f JOIN runs r ON r.num = f.run ORDER BY f.num DESC"
	return t.list(ctx, "list files", columns+page, append(args, limit, q.Skip)...)
}

// CountFiles implements store.Files.
func (t *Table) CountFiles(ctx context.Context, q store.FileQuery) (n int, err error) {
	where, args := selects(q)
	err = t.cfg.Read.QueryRowContext(ctx, "SELECT count(*) FROM files f WHERE "+where, args...).Scan(&n)
	return n, t.cfg.Explain(ctx, "count files", err)
}

func (t *Table) list(ctx context.Context, doing, query string, args ...any) (out []store.File, err error) {
	rows, err := t.cfg.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, t.cfg.Explain(ctx, doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		var f store.File
		var created sql.NullInt64
		if err := rows.Scan(&f.Num, &f.Run, &f.Pipeline, &f.Digest, &f.MediaType, &f.Name, &f.Size, &f.At, &created); err != nil {
			return nil, t.cfg.Explain(ctx, doing, err)
		}
		if created.Valid {
			f.Created = time.Unix(0, created.Int64).UTC()
		}
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		return nil, t.cfg.Explain(ctx, doing, err)
	}
	return out, nil
}
