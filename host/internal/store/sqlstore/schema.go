package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations[i] takes the schema from version i to i+1. They only go forward, and what was released is never
// changed.
var migrations = []string{
	`CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
	INSERT INTO meta VALUES ('schema', 0), ('mark', 0);
	CREATE TABLE runs (
		num INTEGER PRIMARY KEY,
		id TEXT NOT NULL UNIQUE,
		row INTEGER NOT NULL, -- end of its chain when the last mark was made
		seq INTEGER NOT NULL,
		listed INTEGER NOT NULL, -- it has a head
		pipeline TEXT, digest TEXT, state TEXT, error TEXT, owner TEXT,
		created INTEGER, updated INTEGER, -- nanoseconds since 1970; NULL: none
		head_seq INTEGER,
		pinned INTEGER NOT NULL DEFAULT 0
	);
	CREATE TABLE journal (
		id INTEGER PRIMARY KEY,
		run INTEGER NOT NULL,
		prev INTEGER NOT NULL, -- the run's row before; 0: none
		seq INTEGER NOT NULL, -- of the first event
		n INTEGER NOT NULL,
		data BLOB NOT NULL
	);`,
	`CREATE INDEX runs_state ON runs (state, id) WHERE listed;
	CREATE INDEX runs_pipeline ON runs (pipeline, id) WHERE listed;
	CREATE INDEX runs_owner ON runs (owner, id) WHERE listed;`,
	`CREATE TABLE keys (key TEXT PRIMARY KEY, run TEXT NOT NULL, body TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
	CREATE INDEX keys_until ON keys (until);`,
	`CREATE TABLE files (
		num INTEGER PRIMARY KEY AUTOINCREMENT,
		run INTEGER NOT NULL,
		digest TEXT NOT NULL,
		media TEXT NOT NULL,
		name TEXT NOT NULL,
		size INTEGER NOT NULL,
		at TEXT NOT NULL,
		created INTEGER, -- nanoseconds since 1970; NULL: none
		pipeline TEXT NOT NULL,
		UNIQUE (run, digest)
	);
	CREATE INDEX files_pipeline ON files (pipeline, num);`,
	`CREATE VIRTUAL TABLE texts USING fts5 (grams, tokenize = 'ascii', content = '', contentless_delete = 1, detail = none); -- by runs.num
	ALTER TABLE runs ADD COLUMN noted INTEGER NOT NULL DEFAULT 0; -- texts has what its row says
	CREATE INDEX runs_fresh ON runs (num) WHERE listed AND NOT noted;`,
	`CREATE TABLE bills (
		run TEXT PRIMARY KEY, -- its id: a bill stays when its run is removed
		seq INTEGER NOT NULL, -- of the head that it was made for
		pipeline TEXT NOT NULL,
		owner TEXT NOT NULL,
		first INTEGER NOT NULL, -- nanoseconds since 1970
		last INTEGER NOT NULL,
		data BLOB NOT NULL
	) WITHOUT ROWID;
	CREATE INDEX bills_last ON bills (last);
	ALTER TABLE runs ADD COLUMN billed INTEGER NOT NULL DEFAULT 0; -- the head_seq that its bill was made for
	CREATE INDEX runs_unbilled ON runs (num) WHERE listed AND billed <> head_seq;`,
	`CREATE TABLE meanings (
		num INTEGER PRIMARY KEY, -- of the file
		model TEXT NOT NULL,
		dims INTEGER NOT NULL,
		problem TEXT -- why there is no vector; NULL: there is one
	);
	CREATE TABLE vectors (num INTEGER PRIMARY KEY, vector BLOB NOT NULL); -- numbers of 32 bits, little end first
	CREATE TRIGGER meanings_gone AFTER DELETE ON files BEGIN
		DELETE FROM meanings WHERE num = old.num;
		DELETE FROM vectors WHERE num = old.num;
	END;`,
}

// NewerError says that the file was written by a newer version of this program.
type NewerError struct{ Have, Know int }

// Error says what to do.
func (e *NewerError) Error() string {
	return fmt.Sprintf("its schema is version %d and this program knows up to %d: run the newer spinbot that wrote it, or point the state directory elsewhere", e.Have, e.Know)
}

// version gives the file's schema version; 0 for an empty file.
func version(ctx context.Context, db *sql.DB) (int, error) {
	var tables, v int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, nil
	}
	err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'schema'").Scan(&v)
	return v, err
}

// migrate brings the schema up to date, each version in its own transaction.
func (w *writer) migrate(ctx context.Context) error {
	v, err := version(ctx, w.s.read)
	if err != nil {
		return err
	}
	if v > len(migrations) {
		return &NewerError{Have: v, Know: len(migrations)}
	}
	for ; v < len(migrations); v++ {
		sql := fmt.Sprintf("BEGIN IMMEDIATE; %s; UPDATE meta SET value = %d WHERE key = 'schema'; COMMIT", migrations[v], v+1)
		if err := w.exec(sql); err != nil {
			_ = w.exec("ROLLBACK") // there may be no transaction left to roll back
			return fmt.Errorf("migrate to version %d: %w", v+1, err)
		}
	}
	return nil
}
