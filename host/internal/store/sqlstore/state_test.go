package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/host/internal/kv/kvtest"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

func TestState(t *testing.T) {
	t.Parallel()
	kvtest.Suite{Durable: true, Open: func(_ *testing.T, folder string) (kv.Store, func() error) {
		s := sqlstore.NewState(filepath.Join(folder, "state #1?.db"))
		return s, s.Close
	}}.Run(t)
}

// TestStateFile: it is made when it is first used, and one that cannot be used is said and left as it is.
func TestStateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	use := func() error {
		s := sqlstore.NewState(path)
		_, err := s.List(t.Context(), kv.Scope{}, "")
		return errors.Join(err, s.Close())
	}
	s := sqlstore.NewState(path)
	check(t, s.Close(), s.Close())
	if _, _, err := s.Get(t.Context(), kv.Scope{}, "k"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made without being used: %v", err)
	}
	check(t, use())
	db, err := sql.Open("sqlite", "file:"+path+"?vfs=spinbot")
	check(t, err)
	_, err = db.Exec("PRAGMA user_version = 9")
	check(t, err, db.Close())
	if err := use(); err == nil || !strings.Contains(err.Error(), "run the newer spinbot") {
		t.Errorf("a newer one: %v", err)
	}
	check(t, os.WriteFile(path, []byte(strings.Repeat("no database\n", 999)), 0o600))
	if err := use(); err == nil || !strings.Contains(err.Error(), "state.db") {
		t.Errorf("none: %v", err)
	}
}
