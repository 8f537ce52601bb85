package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// bills wants a query to give the rows of runs.
func bills(t testing.TB, st Store, q store.BillQuery, want ...string) []store.Bill {
	t.Helper()
	got, err := st.Bills(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, b := range got {
		list = append(list, b.Run)
	}
	if strings.Join(list, " ") != strings.Join(want, " ") {
		t.Errorf("%+v: %v, want %v", q, list, want)
	}
	return got
}

// unbilled wants these runs to have no bill that is up to date.
func unbilled(t testing.TB, st Store, ended bool, want ...string) {
	t.Helper()
	heads, err := st.Unbilled(t.Context(), ended, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, h := range heads {
		list = append(list, fmt.Sprintf("%s/%d", h.Run, h.Seq))
	}
	slices.Sort(list)
	if strings.Join(list, " ") != strings.Join(want, " ") {
		t.Errorf("without a bill, ended %v: %v, want %v", ended, list, want)
	}
}

func bill(t testing.TB, st Store, rows ...store.Bill) {
	t.Helper()
	if err := st.Bill(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// stands appends an event after which the run stands so.
func stands(t testing.TB, st Store, run string, after uint64, state string) {
	t.Helper()
	a := item(run, after, 1)
	a.Head = head(run, "film", state, int(after))
	a.Head.Seq = after + 1
	add(t, st, a)
}

func testBills(t *testing.T, s Suite) {
	st := s.open(t)
	bills(t, st, store.BillQuery{})
	unbilled(t, st, true)
	stands(t, st, "run_1", 0, "running")
	stands(t, st, "run_2", 0, "succeeded")
	add(t, st, item("headless", 0, 1))
	unbilled(t, st, true, "run_2/1")
	unbilled(t, st, false, "run_1/1")

	one := store.Bill{Run: "run_1", Seq: 2, Pipeline: "film", Owner: "anna", First: moment(0), Last: moment(9), Data: []byte("one\x00\xff")}
	two := store.Bill{Run: "run_2", Seq: 1, Pipeline: "song\x00", Owner: "bo", First: moment(5), Last: moment(20), Data: []byte("two")}
	stands(t, st, "run_1", 1, "failed")
	bill(t, st, one, two)
	unbilled(t, st, true)
	got := bills(t, st, store.BillQuery{}, "run_2", "run_1")
	if !reflect.DeepEqual(got, []store.Bill{two, one}) {
		t.Errorf("%+v, want %+v and %+v", got, two, one)
	}
	bills(t, st, store.BillQuery{Run: "run_1"}, "run_1")
	bills(t, st, store.BillQuery{Pipeline: "song\x00"}, "run_2")
	bills(t, st, store.BillQuery{Owner: "anna"}, "run_1")
	bills(t, st, store.BillQuery{Since: moment(9)}, "run_2", "run_1")
	bills(t, st, store.BillQuery{Since: moment(10)}, "run_2")
	bills(t, st, store.BillQuery{Until: moment(5)}, "run_1")
	bills(t, st, store.BillQuery{Since: moment(10), Until: moment(5), Owner: "bo"})

	stands(t, st, "run_1", 2, "running") // it is resumed
	unbilled(t, st, false, "run_1/3")
	stands(t, st, "run_1", 3, "cancelled")
	unbilled(t, st, true, "run_1/4")
	if heads, err := st.Unbilled(t.Context(), true, 1); err != nil || len(heads) != 1 || heads[0].Pipeline != "film" {
		t.Errorf("%+v, %v", heads, err)
	}
	later, stale := one, one
	later.Seq, later.Data = 4, []byte("later")
	bill(t, st, later)
	bill(t, st, stale) // of a host that has read it before
	if got := bills(t, st, store.BillQuery{Run: "run_1"}, "run_1"); string(got[0].Data) != "later" {
		t.Errorf("a later bill has given way to %q", got[0].Data)
	}
	bill(t, st)

	if err := st.Remove(t.Context(), "run_1", 4); err != nil {
		t.Fatal(err)
	}
	bills(t, st, store.BillQuery{}, "run_2", "run_1") // it stays
	for _, c := range []struct {
		before time.Time
		gone   int
		left   []string
	}{{moment(9), 0, []string{"run_2", "run_1"}}, {moment(60), 1, []string{"run_2"}}} { // run_2 is still there
		if n, err := st.Unbill(t.Context(), c.before); n != c.gone || err != nil {
			t.Errorf("%d bills removed, %v, want %d", n, err, c.gone)
		}
		bills(t, st, store.BillQuery{}, c.left...)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := st.Bills(t.Context(), store.BillQuery{})
	_, unbilled := st.Unbilled(t.Context(), true, 0)
	_, unbill := st.Unbill(t.Context(), moment(0))
	for _, err := range []error{err, unbilled, unbill, st.Bill(t.Context(), []store.Bill{one})} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	}
}

func testDurableBills(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	stands(t, st, "run_1", 0, "succeeded")
	stands(t, st, "run_2", 0, "succeeded")
	bill(t, st, store.Bill{Run: "run_1", Seq: 1, First: moment(0), Last: moment(1), Data: []byte("x")})
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = s.reopen(t, folder)
	bills(t, st, store.BillQuery{}, "run_1")
	unbilled(t, st, true, "run_2/1")
}
