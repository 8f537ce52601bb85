// Package storetest is the conformance suite of store: every adapter runs it against the real thing.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Store is what an adapter offers.
type Store interface {
	store.Journal
	store.Index
	store.Keeper
	store.Keys
	store.Files
	store.Bills
	store.Meanings
	store.Nearest
}

// Suite says how to make the adapter under test.
type Suite struct {
	// Open opens the store that lives in the folder, making it when the folder is empty.
	Open func(folder string) (Store, error)
	// Durable: what was appended is there when the folder is opened again.
	Durable bool
	// Damage, when set, spoils bytes of the closed store in the folder.
	Damage func(t *testing.T, folder string)
	// Queues: the adapter is a store.Queuer.
	Queues bool
	// Note, when set, has the store note the texts of its runs now, nearly all of them.
	Note func(st Store) error
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Suite)
		only bool // whether the test applies
	}{
		{"order", testOrder, true},
		{"read", testRead, true},
		{"refuse", testRefuse, true},
		{"conflict", testConflict, true},
		{"conflict in a group", testConflictInGroup, true},
		{"many events", testManyEvents, true},
		{"big events", testBigEvents, true},
		{"own copy", testOwnCopy, true},
		{"cancelled", testCancelled, true},
		{"closed", testClosed, true},
		{"index list", testList, true},
		{"index find", testFind, true},
		{"index head", testHead, true},
		{"index search", testSearch, true},
		{"watch", testWatch, true},
		{"watch none missed", testWatchNoneMissed, true},
		{"hammer", testHammer, true},
		{"one winner", testOneWinner, true},
		{"queue", testQueue, s.Queues},
		{"each", testEach, true},
		{"pin", testPin, true},
		{"remove", testRemove, true},
		{"remove refuses", testRemoveRefuses, true},
		{"remove while appending", testRemoveHammer, true},
		{"keeper closed", testKeeperClosed, true},
		{"claim", testClaim, true},
		{"claim at once", testClaimHammer, true},
		{"files", testFiles, true},
		{"files of refused appends", testFilesRefused, true},
		{"meanings", testMeanings, true},
		{"many meanings", testManyMeanings, true},
		{"durable files", testDurableFiles, s.Durable},
		{"bills", testBills, true},
		{"durable bills", testDurableBills, s.Durable},
		{"durable meanings", testDurableMeanings, s.Durable},
		{"durable claim", testDurableClaim, s.Durable},
		{"durable", testDurable, s.Durable},
		{"durable removal", testDurableRemoval, s.Durable},
		{"durable after every reopen", testReopen, s.Durable},
		{"damage", testDamage, s.Damage != nil},
	} {
		if c.only {
			t.Run(c.name, func(t *testing.T) { t.Parallel(); c.test(t, s) })
		}
	}
}

// open gives a fresh store, closed with the test.
func (s Suite) open(t testing.TB) Store {
	t.Helper()
	return s.reopen(t, t.TempDir())
}

func (s Suite) reopen(t testing.TB, folder string) Store {
	t.Helper()
	st, err := s.Open(folder)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// payload is what event seq of a run holds in these tests.
func payload(run string, seq uint64) []byte { return fmt.Appendf(nil, "%s #%d", run, seq) }

// item makes an append of n events.
func item(run string, after uint64, n int) store.Append {
	a := store.Append{Run: run, After: after}
	for i := range n {
		a.Events = append(a.Events, payload(run, after+uint64(i)+1))
	}
	return a
}

func add(t testing.TB, st Store, a store.Append) {
	t.Helper()
	if err := st.Append(t.Context(), a); err != nil {
		t.Fatalf("append %s after %d: %v", a.Run, a.After, err)
	}
}

// check reads the run and wants exactly n events that hold payload.
func check(t testing.TB, st Store, run string, n uint64) {
	t.Helper()
	got, err := st.Read(t.Context(), run, 0, 0)
	if err != nil {
		t.Fatalf("read %s: %v", run, err)
	}
	if uint64(len(got)) != n {
		t.Fatalf("read %s: %d events, want %d", run, len(got), n)
	}
	for i, e := range got {
		seq := uint64(i) + 1
		if e.Run != run || e.Seq != seq || string(e.Data) != string(payload(run, seq)) {
			t.Fatalf("read %s: event %d is %s #%d %q", run, seq, e.Run, e.Seq, e.Data)
		}
	}
}

// moment is a time with nanoseconds, which a store keeps.
func moment(i int) time.Time {
	return time.Date(2026, 11, 24, 12, 0, i, 123456789, time.UTC)
}

func head(run, pipeline, state string, i int) *store.Head {
	return &store.Head{Run: run, Pipeline: pipeline, Digest: "sha256:d" + pipeline, State: state, Owner: "o",
		Created: moment(i), Updated: moment(i + 1), Seq: 1}
}

func listed(t testing.TB, st Store, q store.Query) string {
	t.Helper()
	heads, err := st.List(t.Context(), q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	out := ""
	for _, h := range heads {
		out += h.Run + " "
	}
	return out
}

// await fails the test when the watch says nothing within a minute.
func await(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case _, open := <-c:
		if !open {
			t.Fatal("watch: closed before its context ended")
		}
	case <-time.After(60 * time.Second):
		t.Fatal("watch: nothing within a minute of an append")
	}
}

// Bench appends 300-byte events to as many runs as there are appenders, all at once, and reports appends per
// second. The caller reports what its medium did meanwhile.
func Bench(b *testing.B, st Store, appenders int) {
	b.Helper()
	data := make([]byte, 300)
	left := make(chan int, appenders)
	errs := make(chan error, appenders)
	for i := range appenders {
		left <- b.N/appenders + min(1, max(0, b.N%appenders-i))
	}
	b.ResetTimer()
	for i := range appenders {
		go func() {
			run := fmt.Sprintf("run_%08d", i)
			var err error
			for seq := range <-left {
				a := store.Append{Run: run, After: uint64(seq), Events: [][]byte{data}}
				if err = st.Append(context.Background(), a); err != nil {
					break
				}
			}
			errs <- err
		}()
	}
	for range appenders {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}
