package pgfiles

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Most numbers that the index takes: as 32 bits each, and as 16 bits.
const (
	maxVector = 2000
	maxHalf   = 4000
)

// extension is pgvector in this database.
type extension struct {
	schema  string // empty: it is not there
	iterate bool   // it goes on until enough of what the filter lets through is found
}

func (x extension) there() bool { return x.schema != "" }

func (t *Table) extension() extension {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.vector
}

// Enable looks for pgvector, and makes the extension where the server offers it and the user may. From then on, spaces are indexed. It
// gives the version, or says why there is none and what to do; searching is possible all the same.
func (t *Table) Enable(ctx context.Context) (version, lacks string, err error) {
	var x extension
	err = t.cfg.Insist(ctx, func(ctx context.Context) error {
		x = extension{}
		var err error
		if version, lacks, err = Offered(ctx, t.cfg.Pool); err != nil || lacks != "" {
			return err
		}
		if _, err := t.cfg.Pool.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err != nil {
			if code(err) != "42501" { // who lacks the right may find it made
				return err
			}
			lacks = "this user may not make the extension; as the database's superuser run CREATE EXTENSION vector, then start spinbot again"
		}
		err = t.cfg.Pool.QueryRow(ctx, "SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'").Scan(&x.schema, &version)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err == nil && older(version, 5): // made before a newer one was installed
			lacks, x = version+" of pgvector is too old; as the database's superuser run ALTER EXTENSION vector UPDATE, then start spinbot again", extension{}
		case err == nil:
			lacks, x.iterate = "", !older(version, 8)
		}
		return err
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.vector = x
	return version, lacks, t.cfg.Say("look for pgvector", err)
}

// Offered gives the version of pgvector that a server has, or says what lacks. It changes nothing.
func Offered(ctx context.Context, server interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (version, lacks string, err error) {
	err = server.QueryRow(ctx, "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'").Scan(&version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", "the PostgreSQL server does not have pgvector; install it there (Debian: apt-get install postgresql-NN-pgvector), then start spinbot again", nil
	case err == nil && older(version, 5):
		return version, version + " of pgvector is too old, 0.5 or newer is needed; update it on the server, then start spinbot again", nil
	}
	return version, "", err
}

// older says whether a version is before 0.minor.
func older(version string, minor int) bool {
	major, rest, _ := strings.Cut(version, ".")
	is, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(is)
	return major == "0" && err == nil && n < minor
}

func code(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// kind is the type that a space's vectors are indexed as, and the index's name for how they are compared; empty: they are not.
func (x extension) kind(in store.Space) (kind, ops string) {
	schema := pgx.Identifier{x.schema}.Sanitize()
	switch d := in.Dimensions; {
	case d <= maxVector:
		return fmt.Sprintf("%s.vector(%d)", schema, d), schema + ".vector_cosine_ops"
	case d <= maxHalf && x.iterate: // halfvec came before that
		return fmt.Sprintf("%s.halfvec(%d)", schema, d), schema + ".halfvec_cosine_ops"
	}
	return "", ""
}

// only is what all meanings of the space have in common, as the index was made for it: without parameters.
func only(in store.Space) string {
	return fmt.Sprintf("m.vector IS NOT NULL AND m.dims = %d AND m.model = '%s'", in.Dimensions, strings.ReplaceAll(in.Model, "'", "''"))
}

// index makes the index of a space, unless it is there, and takes those of others away.
func (t *Table) index(ctx context.Context, in store.Space) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind, ops := t.vector.kind(in)
	if !t.vector.there() || t.ready[in] || kind == "" {
		return nil
	}
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%s\x00%d", in.Model, in.Dimensions)
	name := fmt.Sprintf("meanings_near_%x", sum.Sum64())
	err := t.cfg.Insist(ctx, func(ctx context.Context) error {
		rows, err := t.cfg.Pool.Query(ctx, "SELECT indexname FROM pg_indexes WHERE schemaname = 'spinbot' AND tablename = 'meanings' AND indexname LIKE 'meanings\\_near\\_%'")
		if err != nil {
			return err
		}
		old, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, o := range old {
			if o == name {
				return nil
			}
			if _, err := t.cfg.Pool.Exec(ctx, "DROP INDEX IF EXISTS spinbot."+pgx.Identifier{o}.Sanitize()); err != nil {
				return err
			}
		}
		where := strings.ReplaceAll(only(in), "m.", "")
		_, err = t.cfg.Pool.Exec(ctx, fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON spinbot.meanings USING hnsw ((vector::%s) %s) WHERE %s", name, kind, ops, where))
		return err
	})
	t.ready[in] = err == nil
	return t.cfg.Say("index what files are about", err)
}

// indexed asks pgvector. What the index finds is filtered afterwards: when that leaves too few, every vector is looked at.
func (t *Table) indexed(ctx context.Context, x extension, in store.Space, vector []float32, q store.FileQuery, skip int) (found []store.Near, err error) {
	kind, _ := x.kind(in)
	if kind == "" {
		return t.compared(ctx, in, vector, q, skip)
	}
	var args []any
	distance := fmt.Sprintf("(m.vector::%s) OPERATOR(%s.<=>) (%s::real[]::%s)", kind, pgx.Identifier{x.schema}.Sanitize(), place(&args, vector), kind)
	// A run's row is looked up for those that were found alone: the index gives nothing sorted through a join.
	near := "SELECT f.*, 1 - (" + distance + ") AS score FROM spinbot.meanings m JOIN spinbot.files f ON f.num = m.num WHERE " + only(in) + " AND " + selects(q, &args) +
		fmt.Sprintf(" ORDER BY %s LIMIT %d OFFSET %d", distance, q.Limit, skip)
	sql := columns + ", f.score FROM (" + near + ") f JOIN spinbot.runs r ON r.num = f.run ORDER BY f.score DESC, f.num DESC"
	err = pgx.BeginTxFunc(ctx, t.cfg.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		settings := fmt.Sprintf("SET LOCAL hnsw.ef_search = %d", min(1000, max(100, 2*(skip+q.Limit))))
		if x.iterate {
			settings += "; SET LOCAL hnsw.iterative_scan = strict_order"
		}
		if _, err := tx.Exec(ctx, settings); err != nil {
			return err
		}
		if found, err = ranked(ctx, tx, sql, args); err != nil || len(found) == q.Limit {
			return err
		}
		if _, err := tx.Exec(ctx, "SET LOCAL enable_indexscan = off"); err != nil {
			return err
		}
		found, err = ranked(ctx, tx, sql, args)
		return err
	})
	return found, err
}

func ranked(ctx context.Context, tx pgx.Tx, sql string, args []any) ([]store.Near, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (n store.Near, err error) {
		var score float64
		err = scan(row, &n.File, &score)
		n.Score = float32(score)
		return n, err
	})
}
