package sqlstore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
	"github.com/myspinbot/spinbot/host/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	suite(t).Run(t)
}

// BenchmarkList lists 50 of 100,000 runs.
func BenchmarkList(b *testing.B) { suite(b).BenchList(b) }

func suite(t testing.TB) storetest.Suite {
	return storetest.Suite{
		Queues: true,
		Open: func(folder string) (storetest.Store, error) {
			st, err := sqlstore.Open(t.Context(), filepath.Join(folder, "a #1?%20.db"))
			if err != nil {
				return nil, err // not a nil *Store in an interface
			}
			return st, nil
		},
		Durable: true,
		Damage:  func(t *testing.T, folder string) { spoil(t, filepath.Join(folder, "a #1?%20.db")) },
		Note:    func(st storetest.Store) error { return st.(*sqlstore.Store).Note() },
	}
}

// spoil changes one byte of an event where it lies in the file.
func spoil(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(raw, []byte("a #7"))
	if i < 0 {
		t.Fatal("the event is not in the file: was the log written back on close?")
	}
	raw[i+3] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestIndexIsNotAhead: while a commit shows already and has not returned, since it copies the log into the file, a run's events
// are read as far as the index tells of them.
func TestIndexIsNotAhead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	st, err := sqlstore.Open(t.Context(), path)
	check(t, err)
	copies, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	end := sumvfs.Inject(path, func(op sumvfs.Op) sumvfs.Fault {
		if op.Kind == sumvfs.Write && op.Path == path {
			once.Do(func() { close(copies); <-goOn })
		}
		return sumvfs.None
	})
	var returned atomic.Uint64
	var appends sync.WaitGroup
	appends.Go(func() {
		for goes := true; goes; returned.Add(1) {
			a := one(returned.Load())
			a.Head = &store.Head{Run: "run", State: "running", Seq: a.After + 1}
			if err := st.Append(t.Context(), a); err != nil {
				t.Error(err)
				once.Do(func() { close(copies) })
				return
			}
			select {
			case <-copies:
				goes = false
			default:
			}
		}
	})
	<-copies
	head, err := st.Find(t.Context(), "run")
	check(t, err)
	events, err := st.Read(t.Context(), "run", 0, 0)
	if err != nil || uint64(len(events)) != head.Seq || head.Seq != returned.Load()+1 {
		t.Errorf("%d events are read, %v; the index tells of %d, and %d appends have returned", len(events), err, head.Seq, returned.Load())
	}
	close(goOn)
	appends.Wait()
	end()
	check(t, st.Close())
}

func BenchmarkAppend1(b *testing.B)   { benchmark(b, 1) }
func BenchmarkAppend64(b *testing.B)  { benchmark(b, 64) }
func BenchmarkAppend512(b *testing.B) { benchmark(b, 512) }

func benchmark(b *testing.B, appenders int) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { b.Helper(); check(b, st.Close()) }()
	storetest.Bench(b, st, appenders)
	b.ReportMetric(float64(st.Commits())/float64(b.N), "commits/append")
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
