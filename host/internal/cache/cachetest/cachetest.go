// Package cachetest is the conformance suite of caches of results: every adapter runs it, and the double that the
// engine's tests use.
package cachetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/sdk"
)

// Suite says how to make the adapter under test.
type Suite struct {
	// Open gives an empty store with that clock.
	Open func(t *testing.T, now func() time.Time) cache.Store
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, Suite){
		"put and get": testPut, "put again": testAgain, "own copy": testOwn, "absent": testAbsent, "remove": testRemove,
		"list": testList, "odd keys": testOddKeys, "one key at once": testHammer,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, s) })
	}
}

// Key is the nth key of a test, formed as core/pipeline.ResultKey forms them.
func Key(n int) string { return fmt.Sprintf("%064x", n) }

// clock goes on by a second whenever it is read.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Second)
	return c.at
}

// Entry is a result with every kind of value in it.
func Entry(key string) cache.Entry {
	return cache.Entry{
		Key: key, Type: "test.node", Source: `run_1/node.shot["a%2Fb"]/2`, Created: time.Date(2024, 1, 2, 3, 4, 5, 678_901_234, time.UTC),
		Outputs: sdk.Values{
			"seed": json.Number("18446744073709551615"), "text": "a\n\"b\" <&> \u2028 é", "none": nil, "yes": true,
			"list": []any{json.Number("1.10"), "x", map[string]any{}},
			"file": sdk.Artifact{Digest: "sha256:" + strings.Repeat("ab", 32), MediaType: "image/png", Size: 7, Name: "a.png"},
			"more": []any{sdk.Artifact{Digest: "sha256:" + strings.Repeat("ab", 32), MediaType: "image/png", Size: 7, Name: "b.png"}},
			"hush": sdk.Sealed{Token: "sealed-token"},
		},
	}
}

func put(t *testing.T, s cache.Store, e cache.Entry) {
	t.Helper()
	if err := s.Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// Want checks that the store gives an entry, but for when it was used.
func Want(t *testing.T, s cache.Store, want cache.Entry) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Key)
	if err != nil {
		t.Fatal(err)
	}
	created := got.Created.Equal(want.Created) // by which its time to live is judged
	got.Created, got.Used, got.Size = want.Created, want.Used, want.Size
	if !created || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// WantNone checks that the store has no result of a key.
func WantNone(t *testing.T, s cache.Store, key string) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); !errors.Is(err, cache.ErrNotFound) || !reflect.DeepEqual(got, cache.Entry{}) {
		t.Errorf("%.80q: got %+v, %v", key, got, err)
	}
}

func testPut(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	for n := range 3 {
		put(t, c, Entry(Key(n)))
	}
	small := cache.Entry{Key: Key(3), Type: "test.node", Source: "run_1/node.a/1", Created: time.Unix(0, 0)}
	put(t, c, small)
	for n := range 3 {
		Want(t, c, Entry(Key(n)))
	}
	Want(t, c, small)
}

func testAgain(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	e := Entry(Key(1))
	put(t, c, e)
	e.Outputs, e.Source, e.Created = sdk.Values{"v": "new"}, "run_2/node.a/1", e.Created.Add(time.Hour)
	put(t, c, e)
	Want(t, c, e)
}

// testOwn: what one is given, or has given, may be changed by it.
func testOwn(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	e := Entry(Key(1))
	put(t, c, e)
	e.Outputs["text"], e.Outputs["list"].([]any)[0] = "changed", "changed"
	Want(t, c, Entry(Key(1)))
	got, err := c.Get(t.Context(), Key(1))
	if err != nil {
		t.Fatal(err)
	}
	got.Outputs["text"], got.Outputs["list"].([]any)[0] = "changed", "changed"
	Want(t, c, Entry(Key(1)))
}

func testAbsent(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	WantNone(t, c, Key(1))
	put(t, c, Entry(Key(1)))
	WantNone(t, c, Key(2))
	WantNone(t, c, Key(1)[1:])
}

func testRemove(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	put(t, c, Entry(Key(1)))
	put(t, c, Entry(Key(2)))
	for range 2 { // an absent one is no error
		if err := c.Remove(t.Context(), Key(1)); err != nil {
			t.Fatal(err)
		}
		WantNone(t, c, Key(1))
	}
	Want(t, c, Entry(Key(2)))
	put(t, c, Entry(Key(1)))
	Want(t, c, Entry(Key(1)))
}

// testList: results come with when they were used, the last one first, and with their size.
func testList(t *testing.T, s Suite) {
	clock := newClock()
	c := s.Open(t, clock.now)
	if l, err := c.List(t.Context()); err != nil || len(l) != 0 {
		t.Fatal(l, err)
	}
	for n := range 3 {
		put(t, c, Entry(Key(n)))
	}
	Want(t, c, Entry(Key(1)))
	put(t, c, Entry(Key(0)))
	last := clock.at
	WantNone(t, c, Key(9))
	l, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range l {
		keys = append(keys, e.Key)
		if e.Size < 7 || e.Size > 4096 || e.Source != Entry("").Source || len(e.Artifacts()) != 1 {
			t.Errorf("listed %+v", e)
		}
	}
	if !slices.Equal(keys, []string{Key(0), Key(1), Key(2)}) || !l[0].Used.Equal(last) {
		t.Errorf("listed %v, the first used at %s, not %s", keys, l[0].Used, last)
	}
}

// testOddKeys: a key that is no name of a file is kept as it is or refused, and never another's.
func testOddKeys(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	whole := Entry(Key(1))
	put(t, c, whole)
	for _, key := range []string{"", ".", "..", "a", "../" + Key(1), Key(1)[:2] + "/../" + Key(1)[:2] + "/" + Key(1), "/etc/passwd", Key(1) + "\x00", Key(1) + ".json",
		Key(1) + "/", strings.ToUpper(strings.Repeat("ab", 32)), strings.Repeat("a", 5000), "a\nb", "\xff\xfe", "COM1", "*", "00/" + Key(1)} {
		WantNone(t, c, key)
		e := Entry(key)
		if err := c.Put(t.Context(), e); err == nil && utf8.ValidString(key) {
			Want(t, c, e)
		} else if err != nil {
			WantNone(t, c, key)
		}
		if err := c.Remove(t.Context(), key); err != nil {
			t.Errorf("remove %.80q: %v", key, err)
		}
		WantNone(t, c, key)
		Want(t, c, whole)
	}
}

// testHammer: who gets while others put and remove is given one whole result or none. Run with -race.
func testHammer(t *testing.T, s Suite) {
	c := s.Open(t, newClock().now)
	version := func(n int) cache.Entry {
		e := Entry(Key(1))
		e.Source = fmt.Sprint("run_", n)
		e.Outputs["v"] = strings.Repeat(fmt.Sprint(n), 1000)
		return e
	}
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for range 50 {
				if err := c.Put(t.Context(), version(n)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for k := range 50 {
				e, err := c.Get(t.Context(), Key(1))
				if err == nil && e.Outputs["v"] != strings.Repeat(strings.TrimPrefix(e.Source, "run_"), 1000) || err != nil && !errors.Is(err, cache.ErrNotFound) {
					t.Errorf("got %+v, %v", e, err)
				}
				if _, err := c.List(t.Context()); err != nil {
					t.Error(err)
				}
				if k%10 == n {
					if err := c.Remove(t.Context(), Key(1)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	put(t, c, version(5))
	Want(t, c, version(5))
}
