// Package pgfiles reads and describes the artifacts of runs in the tables of pgstore, whose connections are not its own.
package pgfiles

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Config is what pgstore gives.
type Config struct {
	Pool *pgxpool.Pool
	// Insist asks the server until it answers, or has been away for too long.
	Insist func(ctx context.Context, ask func(context.Context) error) error
	// Say makes of an error one for people; nil for nil.
	Say func(doing string, err error) error
}

// Table is a store.Files, store.Meanings and store.Nearest.
type Table struct {
	cfg Config

	mu     sync.Mutex
	vector extension
	ready  map[store.Space]bool // whose index is there
}

// New makes it.
func New(c Config) *Table { return &Table{cfg: c, ready: map[store.Space]bool{}} }

const (
	columns = "SELECT f.num, r.id, f.pipeline, f.digest, f.media, f.name, f.size, f.at, f.created"
	from    = " FROM spinbot.files f JOIN spinbot.runs r ON r.num = f.run"
)

// selects is what the query says of files, without an order and a limit.
func selects(q store.FileQuery, args *[]any) string {
	where := []string{"true"}
	and := func(format string, value any) {
		where = append(where, strings.ReplaceAll(format, "?", place(args, value)))
	}
	if q.Run != "" {
		and("f.run = (SELECT num FROM spinbot.runs WHERE id = ?)", []byte(q.Run))
	}
	if q.Pipeline != "" {
		and("f.pipeline = ?", []byte(q.Pipeline))
	}
	if q.MediaType != "" {
		and("substr(f.media, 1, length(?::bytea)) = ?", []byte(q.MediaType))
	}
	if q.Text != "" {
		and("position(lower(encode(?, 'escape')) in lower(encode(f.name, 'escape'))) > 0", []byte(q.Text))
	}
	if q.Before != 0 {
		and("f.num < ?", q.Before)
	}
	return strings.Join(where, " AND ")
}

// place adds a value, and gives what stands for it.
func place(args *[]any, value any) string {
	*args = append(*args, value)
	return fmt.Sprintf("$%d", len(*args))
}

// Files implements store.Files.
func (t *Table) Files(ctx context.Context, q store.FileQuery) ([]store.File, error) {
	var args []any
	// what is left out is left out before its run is looked for
	sql := columns + " FROM (SELECT * FROM spinbot.files f WHERE " + selects(q, &args) + " ORDER BY f.num DESC"
	if q.Limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	sql += fmt.Sprintf(" OFFSET %d) f JOIN spinbot.runs r ON r.num = f.run ORDER BY f.num DESC", q.Skip)
	return t.list(ctx, "list files", sql, args...)
}

// CountFiles implements store.Files.
func (t *Table) CountFiles(ctx context.Context, q store.FileQuery) (n int, err error) {
	var args []any
	where := selects(q, &args)
	err = t.cfg.Insist(ctx, func(ctx context.Context) error {
		return t.cfg.Pool.QueryRow(ctx, "SELECT count(*) FROM spinbot.files f WHERE "+where, args...).Scan(&n)
	})
	return n, t.cfg.Say("count files", err)
}

func (t *Table) list(ctx context.Context, doing, sql string, args ...any) (out []store.File, err error) {
	err = t.cfg.Insist(ctx, func(ctx context.Context) error {
		rows, err := t.cfg.Pool.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, file)
		return err
	})
	return out, t.cfg.Say(doing, err)
}

func file(row pgx.CollectableRow) (f store.File, err error) {
	err = scan(row, &f)
	return f, err
}

// scan reads a file from its columns, and what comes behind them.
func scan(row pgx.CollectableRow, f *store.File, more ...any) error {
	var run, pipeline, media, name, at []byte
	var created *int64
	err := row.Scan(append([]any{&f.Num, &run, &pipeline, &f.Digest, &media, &name, &f.Size, &at, &created}, more...)...)
	f.Run, f.Pipeline, f.MediaType, f.Name, f.At = string(run), string(pipeline), string(media), string(name), string(at)
	if created != nil {
		f.Created = time.Unix(0, *created).UTC()
	}
	return err
}
