package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

func testOrder(t *testing.T, s Suite) {
	st := s.open(t)
	for i := range uint64(10) { // two runs, interleaved
		add(t, st, item("a", i, 1))
		add(t, st, item("b", i*2, 2))
	}
	check(t, st, "a", 10)
	check(t, st, "b", 20)
	check(t, st, "nobody", 0)
}

func testRead(t *testing.T, s Suite) {
	st := s.open(t)
	for after := uint64(0); after < 12; after += 3 { // rows of three events, so that ranges cut rows
		add(t, st, item("a", after, 3))
	}
	for _, c := range []struct {
		after uint64
		limit int
		want  string
	}{
		{0, 0, "1 2 3 4 5 6 7 8 9 10 11 12"}, {0, 1, "1"}, {1, 1, "2"}, {2, 2, "3 4"}, {3, 3, "4 5 6"}, {4, 5, "5 6 7 8 9"},
		{10, 0, "11 12"}, {11, 9, "12"}, {12, 0, ""}, {13, 1, ""}, {1 << 62, 0, ""},
	} {
		got, err := st.Read(t.Context(), "a", c.after, c.limit)
		if err != nil {
			t.Errorf("read after %d: %v", c.after, err)
			continue
		}
		var seqs []string
		for _, e := range got {
			seqs = append(seqs, fmt.Sprint(e.Seq))
			if !bytes.Equal(e.Data, payload("a", e.Seq)) {
				t.Errorf("read after %d: event %d is %q", c.after, e.Seq, e.Data)
			}
		}
		if strings.Join(seqs, " ") != c.want {
			t.Errorf("read after %d, limit %d: %v, want %s", c.after, c.limit, seqs, c.want)
		}
	}
}

func testRefuse(t *testing.T, s Suite) {
	st := s.open(t)
	for name, a := range map[string]store.Append{
		"no run":         {Events: [][]byte{{1}}},
		"no events":      {Run: "a"},
		"another's head": {Run: "a", Events: [][]byte{{1}}, Head: &store.Head{Run: "b"}},
		"too large":      {Run: "a", Events: [][]byte{make([]byte, store.MaxAppend+1)}},
	} {
		if err := st.Append(t.Context(), a); err == nil || errors.Is(err, store.ErrStopped) {
			t.Errorf("%s: %v, want an error that stops nothing", name, err)
		}
	}
	add(t, st, item("a", 0, 1))
	check(t, st, "a", 1)
}

func testConflict(t *testing.T, s Suite) {
	st := s.open(t)
	add(t, st, item("a", 0, 2))
	for _, after := range []uint64{0, 1, 3, 99} {
		a := item("a", after, 1)
		a.Head = head("a", "p", "running", 1)
		err := st.Append(t.Context(), a)
		var c *store.ConflictError
		if !errors.Is(err, store.ErrConflict) || !errors.As(err, &c) || c.Head != 2 {
			t.Errorf("append after %d of 2: %v, want ErrConflict at 2", after, err)
		}
	}
	if err := st.Append(t.Context(), item("new", 1, 1)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("append after 1 to a new run: %v, want ErrConflict", err)
	}
	check(t, st, "a", 2)
	check(t, st, "new", 0)
	if got := listed(t, st, store.Query{}); got != "" {
		t.Errorf("a refused append left a head: %s", got)
	}
	add(t, st, item("a", 2, 1))
	check(t, st, "a", 3)
}

// testConflictInGroup sends right and wrong appends at once: only the wrong ones are refused.
func testConflictInGroup(t *testing.T, s Suite) {
	st := s.open(t)
	const runs, rounds = 16, 8
	for round := range uint64(rounds) {
		var wg sync.WaitGroup
		for i := range runs {
			run, wrong := fmt.Sprintf("run_%02d", i), i%4 == 0
			wg.Go(func() {
				after := round
				if wrong {
					after = round + 7
				}
				if err := st.Append(t.Context(), item(run, after, 1)); errors.Is(err, store.ErrConflict) != wrong || (err != nil) != wrong {
					t.Errorf("%s after %d: %v", run, after, err)
				}
			})
		}
		wg.Wait()
	}
	for i := range runs {
		want := uint64(rounds)
		if i%4 == 0 {
			want = 0
		}
		check(t, st, fmt.Sprintf("run_%02d", i), want)
	}
}

func testManyEvents(t *testing.T, s Suite) {
	st := s.open(t)
	add(t, st, item("a", 0, 1))
	add(t, st, item("a", 1, 10_000))
	add(t, st, item("a", 10_001, 1))
	check(t, st, "a", 10_002)
}

func testBigEvents(t *testing.T, s Suite) {
	st := s.open(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 300_000) // 4.8 MB
	want := [][]byte{{}, big, []byte("small"), big[1:]}
	add(t, st, store.Append{Run: "a", Events: want})
	add(t, st, store.Append{Run: "b", Events: [][]byte{nil}})
	got, err := st.Read(t.Context(), "a", 0, 0)
	if err != nil || len(got) != len(want) {
		t.Fatalf("read: %d events, %v", len(got), err)
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i]) {
			t.Errorf("event %d: %d bytes that differ from the %d written", i+1, len(got[i].Data), len(want[i]))
		}
	}
	if got, err := st.Read(t.Context(), "b", 0, 0); err != nil || len(got) != 1 || len(got[0].Data) != 0 {
		t.Errorf("an empty event came back as %v, %v", got, err)
	}
}

// testOwnCopy: callers may reuse what they passed in and change what they got.
func testOwnCopy(t *testing.T, s Suite) {
	st := s.open(t)
	a := item("a", 0, 2)
	add(t, st, a)
	clear(a.Events[0])
	got, err := st.Read(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	clear(got[1].Data)
	check(t, st, "a", 2)
}

func testCancelled(t *testing.T, s Suite) {
	st := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Append(ctx, item("a", 0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want context.Canceled", err)
	}
	check(t, st, "a", 0)
	if _, err := st.Read(ctx, "a", 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
	add(t, st, item("a", 0, 1))
	check(t, st, "a", 1)
}

func testClosed(t *testing.T, s Suite) {
	st := s.open(t)
	add(t, st, item("a", 0, 1))
	watch := st.Watch(context.Background(), "a")
	for range 2 { // closing twice is no error
		if err := st.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	for range watch { // ends, or the test hangs
	}
	_, read := st.Read(t.Context(), "a", 0, 0)
	_, list := st.List(t.Context(), store.Query{})
	_, find := st.Find(t.Context(), "a")
	for what, err := range map[string]error{"append": st.Append(t.Context(), item("a", 1, 1)), "read": read, "list": list, "find": find} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
}

func testDurable(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	for i := range uint64(50) {
		a := item("a", i, 1)
		a.Head = head("a", "p", fmt.Sprintf("state%d", i), 1)
		add(t, st, a)
	}
	add(t, st, item("headless", 0, 3))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = s.reopen(t, folder)
	check(t, st, "a", 50)
	check(t, st, "headless", 3)
	if h, err := st.Find(t.Context(), "last"); err != nil || h.Run != "a" || h.State != "state49" {
		t.Errorf("find last: %+v, %v", h, err)
	}
	if err := st.Append(t.Context(), item("a", 0, 1)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("append after 0 of 50: %v, want ErrConflict", err)
	}
	add(t, st, item("headless", 3, 1))
	check(t, st, "headless", 4)
}

func testReopen(t *testing.T, s Suite) {
	folder := t.TempDir()
	for i := range uint64(8) {
		st := s.reopen(t, folder)
		check(t, st, "a", i*2)
		add(t, st, item("a", i*2, 1))
		add(t, st, item(fmt.Sprintf("other_%d", i), 0, 1))
		add(t, st, item("a", i*2+1, 1))
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// testDamage: spoiled bytes are reported, on opening or on reading, and never taken for events.
func testDamage(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	for i := range uint64(40) {
		add(t, st, item("a", i*5, 5))
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	s.Damage(t, folder)
	st, err := s.Open(folder)
	if err == nil {
		defer func() { _ = st.Close() }()
		var got []store.Event
		if got, err = st.Read(t.Context(), "a", 0, 0); err == nil {
			t.Fatalf("read %d events out of a damaged store", len(got))
		}
	}
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}
