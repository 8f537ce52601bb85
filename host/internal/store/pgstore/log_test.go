package pgstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// TestLog: each host reads what all have written, the newest first and page by page; what is written twice stands once, and the oldest go.
func TestLog(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url, "a"), open(t, url, "b")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for k, st := range []*pgstore.Store{a, b, a, a} {
		e := store.Entry{ID: fmt.Sprint(min(k, 2)), User: "anna\x00", What: fmt.Sprint("w", k%2), At: at.Add(time.Duration(k) * time.Hour), Raw: []byte{byte(k), 0xff}}
		check(t, st.Write(t.Context(), e))
	}
	read := func(q store.EntryQuery, want string) []store.Entry {
		t.Helper()
		got, err := b.Entries(t.Context(), q)
		check(t, err)
		var list []string
		for _, e := range got {
			list = append(list, e.Host+e.ID)
		}
		if strings.Join(list, " ") != want {
			t.Errorf("%+v: %v, want %s", q, list, want)
		}
		return got
	}
	all := read(store.EntryQuery{}, "a2 b1 a0")
	if e := all[0]; e.User != "anna\x00" || e.What != "w0" || !e.At.Equal(at.Add(2*time.Hour)) || string(e.Raw) != "\x02\xff" {
		t.Errorf("%+v", e)
	}
	read(store.EntryQuery{User: "anna\x00", What: "w0"}, "a2 a0")
	read(store.EntryQuery{User: "anna"}, "")
	read(store.EntryQuery{Since: at.Add(time.Hour)}, "a2 b1")
	read(store.EntryQuery{Limit: 1}, "a2")
	read(store.EntryQuery{Limit: 1, Before: "2"}, "b1")
	read(store.EntryQuery{What: "w0", Before: "1"}, "a0")
	if _, err := b.Entries(t.Context(), store.EntryQuery{Before: "none"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	pgstore.SetMaxLog(a, 2)
	check(t, a.Write(t.Context(), store.Entry{ID: "last", At: at, Raw: []byte("{}")}))
	if got := read(store.EntryQuery{Limit: 1}, "alast"); len(got) != 1 {
		t.Error("the newest went")
	}
	if n := ask[int](t, url, "SELECT count(*) FROM spinbot.log"); n > 2 {
		t.Errorf("%d entries are left", n)
	}
	check(t, a.Close())
	if _, err := a.Entries(t.Context(), store.EntryQuery{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}
