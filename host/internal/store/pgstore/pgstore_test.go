package pgstore_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/host/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var _ store.Ownership = (*pgstore.Store)(nil)

func TestStore(t *testing.T) {
	t.Parallel()
	suite(t, func() string { return pgtest.Database(t) }).Run(t)
}

// TestVector is the suite with pgvector.
func TestVector(t *testing.T) {
	t.Parallel()
	suite := suite(t, func() string { return pgtest.Vector(t) })
	suite.Open = enabled(t, suite.Open)
	suite.Run(t)
}

// enabled has a store use pgvector.
func enabled(t testing.TB, open func(string) (storetest.Store, error)) func(string) (storetest.Store, error) {
	return func(folder string) (storetest.Store, error) {
		st, err := open(folder)
		if err == nil {
			enable(t, st.(*pgstore.Store))
		}
		return st, err
	}
}

func enable(t testing.TB, st *pgstore.Store) {
	t.Helper()
	if version, lacks, err := st.Enable(t.Context()); err != nil || lacks != "" || version == "" {
		t.Fatalf("pgvector %q: %s %v", version, lacks, err)
	}
}

// BenchmarkNearest finds 50 of 10,000 files by vectors of 768 numbers, with pgvector and without.
func BenchmarkNearest(b *testing.B) {
	for _, vector := range []bool{true, false} {
		b.Run(fmt.Sprintf("pgvector=%t", vector), func(b *testing.B) {
			st := open(b, pgtest.Vector(b), "a")
			if vector {
				enable(b, st)
			}
			storetest.BenchmarkNearest(b, st)
		})
	}
}

// BenchmarkList lists 50 of 100,000 runs.
func BenchmarkList(b *testing.B) {
	suite(b, func() string { return pgtest.Database(b) }).BenchList(b)
}

func suite(t testing.TB, database func() string) storetest.Suite {
	database()           // skips here when there is no server
	var folders sync.Map // to the URL of the folder's database
	url := func(folder string) string {
		if url, ok := folders.Load(folder); ok {
			return url.(string)
		}
		url := database()
		folders.Store(folder, url)
		return url
	}
	return storetest.Suite{
		Queues: true,
		Open: func(folder string) (storetest.Store, error) {
			st, err := pgstore.Open(t.Context(), url(folder), "host a")
			if err != nil {
				return nil, err // not a nil *Store in an interface
			}
			return st, nil
		},
		Durable: true,
		Damage: func(t *testing.T, folder string) {
			exec(t, url(folder), "UPDATE spinbot.journal SET data = set_byte(data, 9, get_byte(data, 9) # 1) WHERE seq = 6")
		},
		Note: func(st storetest.Store) error { return st.(*pgstore.Store).Note(t.Context()) },
	}
}

// BenchmarkAppend is sqlstore's BenchmarkAppend1, 64 and 512, on a server that waits for the disk.
func BenchmarkAppend(b *testing.B) {
	server := pgtest.New(b)
	for _, appenders := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(appenders), func(b *testing.B) {
			st := open(b, server.Database(b), "a")
			storetest.Bench(b, st, appenders)
			b.ReportMetric(float64(st.Commits())/float64(b.N), "commits/append")
		})
	}
}

// BenchmarkFiles lists 50 of 100,000 files.
func BenchmarkFiles(b *testing.B) {
	storetest.BenchmarkFiles(b, open(b, pgtest.New(b, "fsync=off").Database(b), "a"))
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
