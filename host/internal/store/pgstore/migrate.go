package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// files takes the schema from one version to the next, each by its file, in order of their names. They only go forward,
// and what was released is never changed.
//
//go:embed migrations/*.sql
var files embed.FS

// NewerError says that the database was written by a newer version of this program.
type NewerError struct{ Have, Know int }

// Error says what to do.
func (e *NewerError) Error() string {
	return fmt.Sprintf("its schema is version %d and this program knows up to %d: run the newer spinbot that wrote it, or point this one to another database", e.Have, e.Know)
}

func migrations() ([]string, error) {
	entries, err := files.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		raw, err := files.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, string(raw))
	}
	return out, nil
}

// Hosts that start at once take turns. The lock is the connection's and not the transaction's: only a transaction that
// begins once the lock is held is sure to see what the host before has made.
const (
	lockSchema   = "SELECT pg_advisory_lock(1936746862, 1)"
	unlockSchema = "SELECT pg_advisory_unlock(1936746862, 1)"
)

// migrate brings the schema up to date in one transaction. A schema that is up to date is only looked at.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if have, err := version(ctx, conn); err != nil || have >= len(steps) {
		return newer(have, len(steps), err)
	}
	if _, err := conn.Exec(ctx, lockSchema); err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return upgrade(ctx, tx, steps) })
	if err == nil {
		_, err = conn.Exec(ctx, unlockSchema)
	}
	return err // after an error the connection is closed, and the lock gone with it
}

func upgrade(ctx context.Context, tx pgx.Tx, steps []string) error {
	have, err := version(ctx, tx) // another host may have been first
	if err != nil || have >= len(steps) {
		return newer(have, len(steps), err)
	}
	if have == 0 {
		if err := create(ctx, tx); err != nil {
			return err
		}
	}
	for i := have; i < len(steps); i++ {
		if _, err := tx.Exec(ctx, steps[i]); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	_, err = tx.Exec(ctx, "UPDATE spinbot.meta SET schema = $1", len(steps))
	return err
}

func newer(have, know int, err error) error {
	if err == nil && have > know {
		return &NewerError{Have: have, Know: know}
	}
	return err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// version gives the schema's; 0: there is none.
func version(ctx context.Context, q querier) (v int, err error) {
	var there bool
	if err := q.QueryRow(ctx, "SELECT to_regclass('spinbot.meta') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, "SELECT schema FROM spinbot.meta").Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errors.New("its table spinbot.meta is empty: this is not a spinbot database, or not all of one")
	}
	return v, err
}

// create makes the schema, unless somebody with more rights has made it for us.
func create(ctx context.Context, tx pgx.Tx) error {
	var there bool
	err := tx.QueryRow(ctx, "SELECT to_regnamespace('spinbot') IS NOT NULL").Scan(&there)
	if err == nil && !there {
		_, err = tx.Exec(ctx, "CREATE SCHEMA spinbot")
	}
	if err == nil {
		_, err = tx.Exec(ctx, "CREATE TABLE spinbot.meta (schema integer NOT NULL); INSERT INTO spinbot.meta VALUES (0)")
	}
	return err
}
