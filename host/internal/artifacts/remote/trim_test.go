package remote_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// fill puts artifacts of 1000 bytes into the cache, the first used longest ago.
func fill(t *testing.T, f *fleet, n int) []string {
	t.Helper()
	var digests []string
	for i := range n {
		d := put(t, f.local, noise(1000, uint64(100+i)))
		aged(t, blob(filepath.Join(f.folder, "local"), d), time.Duration(n-i+1)*time.Hour)
		digests = append(digests, d)
	}
	return digests
}

// held says which of them are in the cache, as in "0 2".
func held(t *testing.T, f *fleet, digests []string) string {
	t.Helper()
	var out []string
	for i, d := range digests {
		if has(t, f.local, d) {
			out = append(out, fmt.Sprint(i))
		}
	}
	return strings.Join(out, " ")
}

// TestTrim: what was used longest ago goes, as much as is needed; what is pinned by any host, or was just used, stays.
func TestTrim(t *testing.T) {
	t.Parallel()
	f := start(t, setup{limit: 3500})
	d := fill(t, f, 6)
	read(t, f.store, d[1]) // used now
	other := f.forHost(t, "host_b", f.url, nil)
	put(t, other, noise(1000, 102)) // pins 2
	aged(t, blob(filepath.Join(f.folder, "local"), d[2]), 100*time.Hour)
	f.restart(t, setup{limit: 3500}) // host_b has not been heard of since
	if err := f.cache.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := held(t, f, d); got != "1 2 5" {
		t.Errorf("left: %s, want 1 (just used), 2 (pinned) and 5 (newest)", got)
	}
	f.restart(t, setup{limit: 1})
	if err := f.cache.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := held(t, f, d); got != "1 2" {
		t.Errorf("left: %s, want 1 and 2", got)
	}
	if err := f.forHost(t, "host_b", f.url, nil).Unpin(d[2], d[3]); err != nil {
		t.Fatal(err)
	}
	if err := f.cache.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := held(t, f, d); got != "1" {
		t.Errorf("left after unpin: %s, want 1", got)
	}
	f.restart(t, setup{})
	if err := f.cache.Trim(t.Context()); err != nil || held(t, f, d) != "1" {
		t.Errorf("without a limit: %v", err)
	}
}

// TestTrimAfterDownload: a download that goes above the limit makes room, and does not remove itself.
func TestTrimAfterDownload(t *testing.T) {
	t.Parallel()
	f := start(t, setup{limit: 2500})
	d := append(fill(t, f, 2), put(t, f.host, noise(1000, 7)))
	read(t, f.store, d[2])
	if got := held(t, f, d); got != "1 2" {
		t.Errorf("left: %s, want 1 2", got)
	}
}

// TestTrimAfterUpload: what was put goes above the limit, and makes room once it is at the host.
func TestTrimAfterUpload(t *testing.T) {
	t.Parallel()
	f := start(t, setup{limit: 2500})
	d := append(fill(t, f, 2), put(t, f.store, noise(1000, 7)))
	if got := held(t, f, d); got != "0 1 2" {
		t.Fatalf("before: %s", got)
	}
	if err := f.store.Upload(t.Context(), d[2]); err != nil {
		t.Fatal(err)
	}
	if got := held(t, f, d); got != "1 2" {
		t.Errorf("left: %s, want 1 2", got)
	}
}

// TestRoom: before a download that the disk does not hold, what was used longest ago goes.
func TestRoom(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	f.folder = smallDisk(t)
	f.restart(t, setup{})
	var d []string
	for i := range 3 {
		d = append(d, put(t, f.local, noise(200_000, uint64(i))))
		aged(t, blob(filepath.Join(f.folder, "local"), d[i]), time.Duration(9-i)*time.Hour)
	}
	put(t, f.store, noise(200_000, 0)) // the oldest is pinned
	aged(t, blob(filepath.Join(f.folder, "local"), d[0]), 9*time.Hour)
	d = append(d, put(t, f.host, noise(550_000, 8)))
	read(t, f.store, d[3])
	if got := held(t, f, d); got != "0 2 3" {
		t.Errorf("left: %s, want 0 (pinned), 2 (used later) and 3", got)
	}
	big := put(t, f.host, noise(900_000, 9))
	if _, err := f.store.Open(t.Context(), big); err == nil || !strings.Contains(err.Error(), "pinned or in use") || !strings.Contains(err.Error(), f.folder) {
		t.Errorf("too large: %v", err)
	}
}

// TestPins: they survive a restart, one set for each host.
func TestPins(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	a, b := put(t, f.store, []byte("a")), put(t, f.store, []byte("b"))
	other := f.forHost(t, "host_b", f.url, nil)
	put(t, other, []byte("b"))
	f.restart(t, setup{})
	pinned := func(st *remote.Store) string {
		got, err := st.Pinned()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return strings.Join(got, " ")
	}
	want := []string{a, b}
	slices.Sort(want)
	if got := pinned(f.store); got != strings.Join(want, " ") {
		t.Errorf("pinned %s", got)
	}
	if err := f.store.Unpin(b, digestOf([]byte("never"))); err != nil {
		t.Fatal(err)
	}
	if got := pinned(f.store); got != a || pinned(other) != b {
		t.Errorf("pinned %s and %s", got, pinned(other))
	}
	if err := f.store.Unpin("../" + a[7:]); err == nil {
		t.Error("unpin of a path was not refused")
	}
	if err := os.RemoveAll(filepath.Join(f.folder, "remote", "pins")); err != nil {
		t.Fatal(err)
	}
	if err := f.cache.Trim(context.Background()); err != nil {
		t.Error(err) // without a limit nobody looks
	}
	f.restart(t, setup{limit: 1})
	if err := os.RemoveAll(filepath.Join(f.folder, "remote", "pins")); err != nil {
		t.Fatal(err)
	}
	if err := f.cache.Trim(t.Context()); err == nil || !has(t, f.local, a) {
		t.Errorf("pins that cannot be read: %v", err)
	}
}

// TestTrimHammer: what was put and is pinned stays, whoever trims and downloads meanwhile.
func TestTrimHammer(t *testing.T) {
	t.Parallel()
	f := start(t, setup{limit: 1, grace: time.Nanosecond})
	d := put(t, f.host, noise(1000, 50))
	kept := make([]string, 20)
	for i := range kept {
		kept[i] = put(t, f.store, noise(1000, uint64(i)))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if err := f.cache.Trim(t.Context()); err != nil {
					t.Error(err)
				}
				r, err := f.store.Open(t.Context(), d)
				if err == nil {
					r.Close()
				} else if !errors.Is(err, artifacts.ErrNotFound) { // with no grace it may go before it is opened
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, k := range kept {
		if !has(t, f.local, k) {
			t.Errorf("%s is pinned and gone", k)
		}
	}
}

// busyKeeper has something happen while it is listed.
type busyKeeper struct {
	artifacts.Keeper
	meanwhile func()
}

func (b busyKeeper) All(ctx context.Context) iter.Seq2[artifacts.Held, error] {
	b.meanwhile()
	return b.Keeper.All(ctx)
}

// TestPutWhileTrimming: what is put and pinned once the pins have been read stays, however short the grace.
func TestPutWhileTrimming(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	var st *remote.Store
	var d string
	cache, err := remote.NewCache(remote.CacheConfig{Store: f.local, Keeper: busyKeeper{f.local, func() { d = put(t, st, []byte("meanwhile")) }},
		Folder: filepath.Join(f.folder, "remote"), Limit: 1, Grace: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	st = f.forHost(t, "host_a", f.url, func(c *remote.Config) { c.Cache = cache })
	old := fill(t, f, 1)
	if err := cache.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !has(t, f.local, d) || has(t, f.local, old[0]) {
		t.Errorf("put meanwhile: there %t; old: there %t", has(t, f.local, d), has(t, f.local, old[0]))
	}
}

// TestRenewed: what was used within the hour for which a store may call it new stays, unless somebody wants otherwise.
func TestRenewed(t *testing.T) {
	t.Parallel()
	f := start(t, setup{limit: 1})
	d := fill(t, f, 2)
	aged(t, blob(filepath.Join(f.folder, "local"), d[1]), artifacts.Renewed-time.Minute)
	if err := f.cache.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := held(t, f, d); got != "1" {
		t.Errorf("left: %s, want 1", got)
	}
}
