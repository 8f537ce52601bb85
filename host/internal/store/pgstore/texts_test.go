package pgstore_test

import (
	"fmt"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestNotedLater: what an older version stored is found at once, and noted while hosts use the store; what is too long to be
// noted is found all the same.
func TestNotedLater(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	st := open(t, at, "a")
	for i := range 200 {
		check(t, st.Append(t.Context(), one(fmt.Sprintf("run_%d", i), 0, "running")))
	}
	long := one("run_123", 1, "failed")
	long.Head.Error = string(make([]byte, 100_000)) + "the end"
	check(t, st.Append(t.Context(), long), st.Close())
	exec(t, at, `DROP TABLE spinbot.meanings; DROP TABLE spinbot.bills; ALTER TABLE spinbot.runs DROP COLUMN billed CASCADE; DROP TABLE spinbot.texts; ALTER TABLE spinbot.runs DROP COLUMN noted CASCADE; DROP FUNCTION spinbot.small, spinbot.note;
		UPDATE spinbot.meta SET schema = 6`)
	a, b := open(t, at, "a"), open(t, at, "b")
	const left = 2*63 + 1 // two that look at the same time leave to each other what is too few for either, and one is too long
	until(t, "the runs are noted", func() bool {
		for _, st := range []store.Index{a, b} {
			for _, text := range []string{"n_123", "THE END"} {
				heads, err := st.List(t.Context(), store.Query{Text: text})
				check(t, err)
				if len(heads) != 1 || heads[0].Run != "run_123" {
					t.Fatalf("%q finds %v", text, heads)
				}
			}
		}
		return ask[int](t, at, "SELECT count(*) FROM spinbot.runs WHERE NOT noted") <= left
	})
	if n := ask[int](t, at, "SELECT count(*) FROM spinbot.texts t JOIN spinbot.runs r ON r.num = t.run AND r.noted"); n < 200-left {
		t.Errorf("%d runs are noted", n)
	}
}
