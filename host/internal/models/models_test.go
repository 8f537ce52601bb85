package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// long ago: what was written then is whole.
var before = time.Now().Add(-time.Hour)

func put(t *testing.T, data []byte, elems ...string) string {
	t.Helper()
	path := filepath.Join(elems...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
	return path
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func bytesOf(n int) []byte {
	out := make([]byte, n)
	for k := range out {
		out[k] = byte(rand.N(256))
	}
	return out
}

// open makes a library of these folders.
func open(t *testing.T, c Config) *Library {
	t.Helper()
	if c.Hashes == "" {
		c.Hashes = filepath.Join(t.TempDir(), "models.json")
	}
	l := New(c)
	l.pause = func(context.Context, int) error { return nil }
	t.Cleanup(l.Close)
	l.Look()
	return l
}

// again looks though that was done a moment ago.
func (l *Library) again() {
	l.looking.Lock()
	l.next = time.Time{}
	if l.lookNow() {
		l.cfg.Changed(true)
	}
}

func (l *Library) text() string {
	var out []string
	for _, f := range l.Files() {
		out = append(out, fmt.Sprintf("%s %d", f.Name, f.Size))
	}
	return strings.Join(out, ", ")
}

// a source of these bytes, cut off after so many the first times.
type fakeSource struct {
	data   []byte
	digest string
	cuts   []int
	opened atomic.Int32
	hold   chan struct{} // closed: it goes on
	whole  bool          // it begins with the first byte, whatever is asked for
	err    error
}

func (s *fakeSource) Open(ctx context.Context, offset int64) (Stream, error) {
	n := int(s.opened.Add(1)) - 1
	if s.err != nil {
		return Stream{}, s.err
	}
	if s.whole {
		offset = 0
	}
	rest := s.data[offset:]
	if n < len(s.cuts) {
		rest = rest[:min(len(rest), s.cuts[n])]
	}
	var body io.Reader = bytes.NewReader(rest)
	if s.hold != nil {
		body = io.MultiReader(body, waitFor{ctx, s.hold})
	}
	return Stream{Body: io.NopCloser(body), Offset: offset, Size: int64(len(s.data)), Digest: s.digest}, nil
}

type waitFor struct {
	ctx  context.Context //nolint:containedctx // of one call
	hold chan struct{}
}

func (w waitFor) Read([]byte) (int, error) {
	select {
	case <-w.hold:
		return 0, io.EOF
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	}
}

func TestWhatLiesInFolders(t *testing.T) {
	t.Parallel()
	all, loras := t.TempDir(), t.TempDir()
	put(t, []byte("base"), all, "checkpoints", "sdxl", "base.pt")
	put(t, []byte("x"), all, "no-kind.pt")
	put(t, []byte("x"), all, "vae", ".hidden.pt")
	put(t, nil, all, "vae", "put_vae_here")
	put(t, []byte("first"), all, "loras", "ink.pt")
	put(t, []byte("second one"), loras, "ink.pt")
	put(t, []byte("oil"), loras, "old", "oil.pt")
	if err := os.Symlink(all, filepath.Join(all, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(loras, "old"), filepath.Join(all, "linked")); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int32
	l := open(t, Config{Folders: []Folder{{Path: all}, {Path: loras, Kind: "loras"}, {Path: filepath.Join(all, "none")}}, Changed: func(bool) { told.Add(1) }})
	const want = "checkpoints/sdxl/base.pt 4, linked/oil.pt 3, loras/ink.pt 5, loras/old/oil.pt 3"
	if got := l.text(); got != want || told.Load() != 1 {
		t.Fatalf("%s, told %d times; want %s", got, told.Load(), want)
	}
	l.again()
	if told.Load() != 1 {
		t.Error("it says that something has changed, and nothing has")
	}
	path := put(t, []byte("new"), all, "vae", "new.pt")
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if l.again(); l.text() != want {
		t.Errorf("%s: one that may be written to still", l.text())
	}
	put(t, []byte("new"), path)
	if l.again(); l.text() != want+", vae/new.pt 3" {
		t.Errorf("%s: one that is whole", l.text())
	}
	os.Remove(path)
	if l.again(); l.text() != want || told.Load() != 3 {
		t.Errorf("%s, told %d times: one that went", l.text(), told.Load())
	}
}

func TestDigestsAreWorkedOutOnce(t *testing.T) {
	t.Parallel()
	dir, hashes := t.TempDir(), filepath.Join(t.TempDir(), "models.json")
	path := put(t, []byte("base"), dir, "vae", "x.pt")
	l := open(t, Config{Folders: []Folder{{Path: dir}}, Hashes: hashes})
	if l.Files()[0].Digest != "" {
		t.Error("it was hashed though nobody has asked")
	}
	for range 2 {
		if got, err := l.Digest(t.Context(), "vae/x.pt"); err != nil || got != digestOf([]byte("base")) {
			t.Fatalf("%s, %v", got, err)
		}
	}
	if got := l.Files()[0].Digest; got != digestOf([]byte("base")) {
		t.Errorf("it is listed with %q", got)
	}
	put(t, []byte("evil"), path) // of the same size and time: it is not looked into again
	if got, err := open(t, Config{Folders: []Folder{{Path: dir}}, Hashes: hashes}).Digest(t.Context(), "vae/x.pt"); err != nil || got != digestOf([]byte("base")) {
		t.Errorf("the next process does not know it: %s, %v", got, err)
	}
	if err := os.Chtimes(path, time.Time{}, before.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	l.again()
	if got, err := l.Digest(t.Context(), "vae/x.pt"); err != nil || got != digestOf([]byte("evil")) {
		t.Errorf("after a change: %s, %v", got, err)
	}
	if _, err := l.Digest(t.Context(), "vae/y.pt"); err == nil {
		t.Error("there is a digest of nothing")
	}
	if err := os.WriteFile(hashes, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, Config{Folders: []Folder{{Path: dir}}, Hashes: hashes}).Digest(t.Context(), "vae/x.pt"); err != nil || got != digestOf([]byte("evil")) {
		t.Errorf("with a broken file of digests: %s, %v", got, err)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	data := bytesOf(3*block + 5)
	other := digestOf([]byte("other"))
	for _, c := range []struct {
		what   string
		source *fakeSource
		digest string
		part   []byte // what an earlier transfer left
		opened int32
		err    string
	}{
		{"at once", &fakeSource{data: data}, digestOf(data), nil, 1, ""},
		{"of the digest that its source says", &fakeSource{data: data, digest: digestOf(data)}, "", nil, 1, ""},
		{"broken off twice", &fakeSource{data: data, cuts: []int{block, 7}}, digestOf(data), nil, 3, ""},
		{"where an earlier process was", &fakeSource{data: data}, digestOf(data), data[:block+1], 1, ""},
		{"whole already", &fakeSource{data: data}, digestOf(data), data, 1, ""},
		{"an earlier process had something else", &fakeSource{data: data}, digestOf(data), bytesOf(block), 2, ""},
		{"an earlier process had more", &fakeSource{data: data, whole: true}, digestOf(data), append(bytesOf(1), data...), 1, ""},
		{"the source begins anew each time", &fakeSource{data: data, cuts: []int{block}, whole: true}, digestOf(data), nil, 2, ""},
		{"broken off too often", &fakeSource{data: data, cuts: make([]int, 100)}, digestOf(data), nil, tries, "given up after"},
		{"other bytes", &fakeSource{data: data}, other, nil, 1, "is not the file that is wanted"},
		{"other bytes twice", &fakeSource{data: data}, other, bytesOf(block), 2, "is not the file that is wanted"},
		{"another digest", &fakeSource{data: data, digest: digestOf(data)}, other, nil, 1, "another file of that name"},
		{"gone", &fakeSource{err: Gone(io.ErrClosedPipe)}, other, nil, 1, "box3: io: read/write on closed pipe"},
		{"not to be reached", &fakeSource{err: io.ErrClosedPipe}, other, nil, tries, "given up after"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if c.part != nil {
				put(t, c.part, dir, "vae", "sub", ".x.pt.part")
			}
			l := open(t, Config{Folders: []Folder{{Path: dir}}})
			err := l.Fetch(t.Context(), Want{Name: "vae/sub/x.pt", Digest: c.digest, From: "box3", Source: c.source})
			got, _ := os.ReadFile(filepath.Join(dir, "vae", "sub", "x.pt"))
			left, _ := filepath.Glob(filepath.Join(dir, "vae", "sub", ".*"))
			if n := c.source.opened.Load(); n != c.opened {
				t.Errorf("asked %d times, want %d", n, c.opened)
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || got != nil || len(l.Files()) != 0 {
					t.Errorf("%v; %d bytes", err, len(got))
				}
				if f := l.Fetches(); len(f) != 1 || !strings.Contains(f[0].Error, c.err) {
					t.Errorf("it remembers %+v", f)
				}
				return
			}
			if err != nil || !bytes.Equal(got, data) || len(left) != 0 || len(l.Fetches()) != 0 {
				t.Fatalf("%v; %d bytes; left: %v; %+v", err, len(got), left, l.Fetches())
			}
			if f := l.Files(); len(f) != 1 || f[0] != (File{"vae/sub/x.pt", int64(len(data)), digestOf(data)}) {
				t.Errorf("it lists %+v", f)
			}
			if l.again(); len(l.Files()) != 1 {
				t.Error("it is not there at the next look")
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	first, second, loras := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, []byte("x"), second, "vae", "x.pt")
	l := open(t, Config{Folders: []Folder{{Path: first}, {Path: second}, {Path: loras, Kind: "loras"}}})
	for name, want := range map[string]string{"loras/a/b.pt": filepath.Join(loras, "a", "b.pt"), "vae/b.pt": filepath.Join(second, "vae", "b.pt"), "new/b.pt": filepath.Join(first, "new", "b.pt")} {
		if _, got, err := l.place(name); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	l = open(t, Config{Folders: []Folder{{Path: loras, Kind: "loras"}}})
	if err := l.Fetch(t.Context(), Want{Name: "vae/b.pt", Source: &fakeSource{}}); err == nil || !strings.Contains(err.Error(), "are of loras") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"b.pt", "../b.pt", "loras/../../b.pt", "/etc/passwd", ""} {
		if err := l.Fetch(t.Context(), Want{Name: name, Source: &fakeSource{}}); err == nil || !strings.Contains(err.Error(), "no name of a model file") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTooLargeForTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Folders: []Folder{{Path: dir}}})
	err := l.Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(nil), Source: huge{}})
	if err == nil || !strings.Contains(err.Error(), "does not fit into "+filepath.Join(dir, "vae")) || !strings.Contains(err.Error(), "free") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "vae")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

type huge struct{}

func (huge) Open(context.Context, int64) (Stream, error) {
	return Stream{Body: http.NoBody, Size: 1 << 60}, nil
}

// until polls, with a deadline.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("what is waited for does not happen")
		}
	}
}

func serving(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
