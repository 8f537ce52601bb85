package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// TestNotedLater: what an older version stored is found at once, and noted soon after.
func TestNotedLater(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), file)
	st, err := sqlstore.Open(t.Context(), path)
	check(t, err)
	history(t, st, 200, 1, 10)
	check(t, st.Close())
	db, err := sql.Open("sqlite", "file:"+path+"?vfs=spinbot")
	check(t, err)
	_, err = db.Exec("DROP TRIGGER meanings_gone; DROP TABLE meanings; DROP TABLE vectors; DROP TABLE bills; DROP INDEX runs_unbilled; ALTER TABLE runs DROP COLUMN billed; DROP TABLE texts; DROP INDEX runs_fresh; ALTER TABLE runs DROP COLUMN noted; UPDATE meta SET value = 4 WHERE key = 'schema'")
	check(t, err, db.Close())
	st, err = sqlstore.Open(t.Context(), path)
	check(t, err)
	// The store rests between, for longer the longer it took.
	for deadline := time.Now().Add(5 * time.Minute); ; <-time.After(5 * time.Millisecond) {
		heads, err := st.List(t.Context(), store.Query{Text: "000123"})
		check(t, err)
		if len(heads) != 1 {
			t.Fatalf("it finds %v", heads)
		}
		n, err := st.Fresh()
		check(t, err)
		if n < 64 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of 200 runs are not noted after 5 min", n)
		}
	}
	check(t, st.Close())
}
