// Package kvtest is the conformance suite of kv: every adapter runs it against the real thing.
package kvtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/kv"
)

// Suite says how to make the adapter under test.
type Suite struct {
	// Open opens the store that lives in the folder, and says how to close it.
	Open func(t *testing.T, folder string) (kv.Store, func() error)
	// Durable: what was changed is there when the folder is opened again.
	Durable bool
}

const most = 1 << 20

var a = kv.Scope{Owner: "ada", Pipeline: "film", Node: "limit"}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, kv.Store){
		"values": testValues, "scopes": testScopes, "refused": testRefused, "full": testFull, "list": testList, "own": testOwn, "cancelled": testCancelled, "hammer": testHammer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, done := s.Open(t, t.TempDir())
			test(t, st)
			if err := done(); err != nil {
				t.Error(err)
			}
		})
	}
	if s.Durable {
		t.Run("durable", func(t *testing.T) {
			t.Parallel()
			s.testDurable(t)
		})
	}
}

func put(t *testing.T, st kv.Store, scope kv.Scope, key, value string) {
	t.Helper()
	if err := st.Update(t.Context(), scope, key, most, func([]byte, bool) ([]byte, bool, error) { return []byte(value), true, nil }); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, st kv.Store, scope kv.Scope, key, value string, there bool) {
	t.Helper()
	got, ok, err := st.Get(t.Context(), scope, key)
	if err != nil || ok != there || string(got) != value {
		t.Errorf("%v %q is %q, %v, %v; want %q, %v", scope, key, got, ok, err, value, there)
	}
}

func testValues(t *testing.T, st kv.Store) {
	want(t, st, a, "k", "", false)
	put(t, st, a, "k", "one")
	put(t, st, a, "", "no key") // what a key may be is for whoever calls
	put(t, st, a, "empty", "")
	put(t, st, a, "\x00\xff", "\xff\x00")
	want(t, st, a, "k", "one", true)
	want(t, st, a, "", "no key", true)
	want(t, st, a, "empty", "", true)
	want(t, st, a, "\x00\xff", "\xff\x00", true)
	err := st.Update(t.Context(), a, "k", most, func(old []byte, ok bool) ([]byte, bool, error) {
		if string(old) != "one" || !ok {
			t.Errorf("the change sees %q, %v", old, ok)
		}
		return nil, false, nil
	})
	if err != nil {
		t.Error(err)
	}
	want(t, st, a, "k", "", false)
}

func testScopes(t *testing.T, st kv.Store) {
	others := []kv.Scope{{Owner: "grace", Pipeline: "film", Node: "limit"}, {Owner: "ada", Pipeline: "song", Node: "limit"}, {Owner: "ada", Pipeline: "film", Node: "x/limit"}, {}}
	put(t, st, a, "k", "mine")
	for i, o := range others {
		want(t, st, o, "k", "", false)
		put(t, st, o, "k", strconv.Itoa(i))
	}
	want(t, st, a, "k", "mine", true)
	for i, o := range others {
		want(t, st, o, "k", strconv.Itoa(i), true)
	}
}

func testRefused(t *testing.T, st kv.Store) {
	put(t, st, a, "k", "one")
	no := errors.New("no")
	if err := st.Update(t.Context(), a, "k", most, func([]byte, bool) ([]byte, bool, error) { return []byte("two"), true, no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	want(t, st, a, "k", "one", true)
	put(t, st, a, "k", "three") // nothing is held
}

// testFull: keys and values count, in the scope alone; what gets smaller is taken whatever the limit is.
func testFull(t *testing.T, st kv.Store) {
	set := func(key, value string, keep bool, limit int64) error {
		return st.Update(t.Context(), a, key, limit, func([]byte, bool) ([]byte, bool, error) { return []byte(value), keep, nil })
	}
	put(t, st, kv.Scope{Owner: "other"}, "k", "0123456789")
	if err := set("key1", "123456", true, 10); err != nil {
		t.Errorf("ten bytes do not fit into ten: %v", err)
	}
	var full *kv.FullError
	if err := set("k", "", true, 10); !errors.As(err, &full) || full.Max != 10 || full.Would != 11 {
		t.Errorf("got %v", err)
	}
	if err := set("key1", "1234567", true, 10); !errors.As(err, &full) {
		t.Errorf("got %v", err)
	}
	want(t, st, a, "key1", "123456", true)
	if err := set("key1", "abcdef", true, 5); err != nil {
		t.Errorf("what is not larger is refused: %v", err)
	}
	if err := set("key1", "", false, 5); err != nil {
		t.Error(err)
	}
	if err := set("k", "1234", true, 5); err != nil {
		t.Errorf("room that was given back is not there: %v", err)
	}
}

func testList(t *testing.T, st kv.Store) {
	for _, k := range []string{"b", "a/2", "a/10", "a", "ä", "a%"} {
		put(t, st, a, k, "v")
	}
	put(t, st, kv.Scope{}, "a/3", "another's")
	for prefix, keys := range map[string][]string{"": {"a", "a%", "a/10", "a/2", "b", "ä"}, "a/": {"a/10", "a/2"}, "a%": {"a%"}, "c": nil} {
		if got, err := st.List(t.Context(), a, prefix); err != nil || !reflect.DeepEqual(got, keys) {
			t.Errorf("%q lists %q, %v, want %q", prefix, got, err, keys)
		}
	}
}

func testOwn(t *testing.T, st kv.Store) {
	value := []byte("one")
	if err := st.Update(t.Context(), a, "k", most, func([]byte, bool) ([]byte, bool, error) { return value, true, nil }); err != nil {
		t.Fatal(err)
	}
	value[0] = 'X'
	got, _, _ := st.Get(t.Context(), a, "k")
	got[0] = 'Y'
	want(t, st, a, "k", "one", true)
}

func testCancelled(t *testing.T, st kv.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := st.Update(ctx, a, "k", most, func([]byte, bool) ([]byte, bool, error) { return []byte("x"), true, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	want(t, st, a, "k", "", false)
}

// testHammer: no increment is lost.
func testHammer(t *testing.T, st kv.Store) {
	const workers, each = 8, 25
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				err := st.Update(t.Context(), a, "n", most, func(old []byte, _ bool) ([]byte, bool, error) {
					n, _ := strconv.Atoi(string(old))
					return []byte(strconv.Itoa(n + 1)), true, nil
				})
				if err != nil {
					t.Error(err)
				}
				put(t, st, a, fmt.Sprint(w, "/", i%3), "x")
				if _, err := st.List(t.Context(), a, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	want(t, st, a, "n", strconv.Itoa(workers*each), true)
}

func (s Suite) testDurable(t *testing.T) {
	folder := t.TempDir()
	st, done := s.Open(t, folder)
	put(t, st, a, "k", "kept")
	if err := done(); err != nil {
		t.Fatal(err)
	}
	st, done = s.Open(t, folder)
	want(t, st, a, "k", "kept", true)
	if err := done(); err != nil {
		t.Error(err)
	}
}
