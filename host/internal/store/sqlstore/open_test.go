package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// TestOpenRefuses: what is not a store, or not all of one, is refused, said and left as it is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	whole, dead := closed(t), killed(t, "20")
	foreign := func(t *testing.T, statement string) image {
		folder := t.TempDir()
		db, err := sql.Open("sqlite", filepath.Join(folder, file))
		check(t, err)
		_, err = db.Exec(statement)
		check(t, err, db.Close())
		return snapshot(t, folder)
	}
	newer := t.TempDir()
	check(t, whole.write(newer))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(newer, file)+"?vfs=spinbot")
	check(t, err)
	_, err = db.Exec("UPDATE meta SET value = 99 WHERE key = 'schema'")
	check(t, err, db.Close())
	for _, c := range []struct {
		name    string
		m       image
		damaged bool
		says    string
	}{
		{"text", image{file: []byte(strings.Repeat("no database\n", 999))}, false, "not a spinbot database"},
		{"another program's", foreign(t, "CREATE TABLE x (y)"), false, "not a spinbot database"},
		{"an early version's", foreign(t, "PRAGMA journal_mode = WAL; CREATE TABLE meta (key, value); CREATE TABLE runs (x)"), false, "early development version"},
		{"a newer version's", snapshot(t, newer), false, "run the newer spinbot"},
		{"an empty file", image{file: nil}, true, "spinbot.db: the file is empty"},
		{"cut off in its first page", image{file: whole[file][:1000]}, true, "cut off after 1000 bytes"},
		{"cut off later", image{file: whole[file][:9*4096]}, true, "cut off: 9 of its "},
		{"no file, but its log", image{file + "-wal": dead[file+"-wal"]}, true, "spinbot.db: the file is gone"},
		{"no log", image{file: dead[file], file + "-shm": dead[file+"-shm"]}, true, "spinbot.db-wal: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			check(t, c.m.write(folder))
			st, err := sqlstore.Open(t.Context(), filepath.Join(folder, file))
			if err == nil {
				_ = st.Close()
			}
			if err == nil || errors.Is(err, store.ErrDamaged) != c.damaged || !strings.Contains(err.Error(), c.says) || c.damaged && !tells(err, filepath.Join(folder, file)) {
				t.Errorf("%v, want an error that says %q", err, c.says)
			}
			for name, raw := range c.m {
				if now, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(now) != string(raw) {
					t.Errorf("%s was changed: %v", name, err)
				}
			}
		})
	}
}
