package pgstore_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestIndexUsed: a search goes by the index of its space; there is none of a space that is no more.
func TestIndexUsed(t *testing.T) {
	t.Parallel()
	url := pgtest.Vector(t)
	st := open(t, url, "a")
	enable(t, st)
	check(t, st.Append(t.Context(), store.Append{Run: "run_1", Events: [][]byte{{1}}, Head: &store.Head{Run: "run_1", Seq: 1}, Files: []store.File{{Digest: "a"}, {Digest: "b"}}}))
	files, err := st.Files(t.Context(), store.FileQuery{})
	check(t, err)
	indexes := func() string {
		conn, err := pgx.Connect(t.Context(), url)
		check(t, err)
		defer conn.Close(t.Context())
		rows, err := conn.Query(t.Context(), "SELECT indexdef FROM pg_indexes WHERE schemaname = 'spinbot' AND indexdef LIKE '%hnsw%'")
		check(t, err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		check(t, err)
		return strings.Join(all, "\n")
	}
	for _, in := range []store.Space{{Model: "it's one", Dimensions: 3}, {Model: "two", Dimensions: 2100}, {Model: "huge", Dimensions: 4500}} {
		v := make([]float32, in.Dimensions)
		v[1] = 1
		check(t, st.Describe(t.Context(), in, []store.Meaning{{Num: files[0].Num, Vector: v}}))
		got, err := st.Nearest(t.Context(), in, v, store.FileQuery{Limit: 5}, 0)
		if err != nil || len(got) != 1 || got[0].Digest != "b" || got[0].Score < 0.999 {
			t.Errorf("%+v: %+v %v", in, got, err)
		}
		switch all := indexes(); in.Dimensions {
		case 3:
			if strings.Count(all, "hnsw") != 1 || !strings.Contains(all, "vector(3)") || !strings.Contains(all, "it''s one") {
				t.Errorf("indexes: %s", all)
			}
		case 2100:
			if strings.Count(all, "hnsw") != 1 || !strings.Contains(all, "halfvec(2100)") {
				t.Errorf("indexes: %s", all)
			}
		}
	}
	check(t, st.Close())
}

// TestNoRight: a user who may not make the extension is told who may, and finds files all the same; what a superuser made is used.
func TestNoRight(t *testing.T) {
	t.Parallel()
	url := pgtest.Vector(t)
	exec(t, url, "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; CREATE SCHEMA spinbot AUTHORIZATION plain")
	st, err := pgstore.Open(t.Context(), strings.Replace(url, "postgres@", "plain@", 1), "a")
	check(t, err)
	defer st.Close()
	if _, lacks, err := st.Enable(t.Context()); err != nil || !strings.Contains(lacks, "CREATE EXTENSION vector") {
		t.Errorf("lacks %q, %v", lacks, err)
	}
	exec(t, url, "CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO plain; CREATE EXTENSION vector SCHEMA elsewhere")
	if version, lacks, err := st.Enable(t.Context()); err != nil || lacks != "" || version == "" {
		t.Errorf("version %q, lacks %q, %v", version, lacks, err)
	}
	check(t, st.Append(t.Context(), store.Append{Run: "run_1", Events: [][]byte{{1}}, Head: &store.Head{Run: "run_1", Seq: 1}, Files: []store.File{{Digest: "a"}}}))
	files, err := st.Files(t.Context(), store.FileQuery{})
	check(t, err)
	in := store.Space{Model: "m", Dimensions: 2}
	check(t, st.Describe(t.Context(), in, []store.Meaning{{Num: files[0].Num, Vector: []float32{0, 1}}}))
	if got, err := st.Nearest(t.Context(), in, []float32{0, 1}, store.FileQuery{Limit: 1}, 0); err != nil || len(got) != 1 {
		t.Errorf("%+v %v", got, err)
	}
}
