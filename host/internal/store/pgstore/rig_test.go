package pgstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
)

// open opens the store as the host, until the test ends.
func open(t testing.TB, url, host string) *pgstore.Store {
	t.Helper()
	st, err := pgstore.Open(t.Context(), url, host)
	check(t, err)
	t.Cleanup(func() { check(t, st.Close()) })
	return st
}

// exec runs a statement behind the stores' backs.
func exec(t testing.TB, url, statement string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement, args...)
	check(t, err)
}

// ask gives the one value that the query has.
func ask[T any](t testing.TB, url, query string, args ...any) (v T) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	defer func() { _ = conn.Close(ctx) }()
	check(t, conn.QueryRow(ctx, query, args...).Scan(&v))
	return v
}

// until polls until the condition holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 min: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// one is the append of one event, in state when that is not empty.
func one(run string, after uint64, state string) store.Append {
	a := store.Append{Run: run, After: after, Events: [][]byte{payload(run, after+1)}}
	if state != "" {
		a.Head = &store.Head{Run: run, Pipeline: "p", State: state, Created: time.Unix(1, 0), Seq: after + 1}
	}
	return a
}

func payload(run string, seq uint64) []byte { return fmt.Appendf(nil, "%s #%d", run, seq) }

// whole reads the run and wants exactly n events.
func whole(t testing.TB, st store.Journal, run string, n uint64) {
	t.Helper()
	got, err := st.Read(t.Context(), run, 0, 0)
	check(t, err)
	if uint64(len(got)) != n {
		t.Fatalf("%s: %d events, want %d", run, len(got), n)
	}
	for i, e := range got {
		if e.Seq != uint64(i)+1 || string(e.Data) != string(payload(run, e.Seq)) {
			t.Fatalf("%s: event %d is #%d %q", run, i+1, e.Seq, e.Data)
		}
	}
}

// silence makes the host look as if it had not said for an hour that it lives.
func silence(t testing.TB, url, host string) {
	t.Helper()
	exec(t, url, "UPDATE spinbot.hosts SET beaten = beaten - interval '1 hour' WHERE id = $1", host)
}

// lock runs a statement in a transaction that stays open until release.
func lock(t testing.TB, url, statement string) (release func()) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	check(t, err)
	_, err = conn.Exec(ctx, "BEGIN; "+statement)
	check(t, err)
	return func() {
		_, err := conn.Exec(ctx, "ROLLBACK") // that a connection was closed the server notices later
		check(t, err)
		check(t, conn.Close(ctx))
	}
}
