// Package artifactstest is the conformance suite of artifacts: every adapter runs it against the real thing.
package artifactstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// Store is what an adapter offers.
type Store interface {
	artifacts.Store
	artifacts.Keeper
}

// Suite says how to make the adapter under test.
type Suite struct {
	// Open opens the store that belongs to the folder.
	Open func(folder string) (Store, error)
	// Age makes an artifact look as if it was put that long ago; nil: nobody can.
	Age func(folder, digest string, ago time.Duration) error
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, Suite){
		"put and open": testPut, "same twice": testSame, "names are data": testNames, "media types": testSniff,
		"seek": testSeek, "fetch": testFetch, "absent": testAbsent, "bad digests": testDigests, "remove": testRemove,
		"touch": testTouch, "all": testAll, "looking at it": testRenewed, "remove while it is put": testRemoveHammer,
		"reader fails": testReaderFails, "cancelled": testCancelled, "hammer": testHammer, "large": testLarge,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, s) })
	}
}

func (s Suite) open(t *testing.T) Store {
	t.Helper()
	st, err := s.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func put(t *testing.T, st Store, data []byte, name string) sdk.Artifact {
	t.Helper()
	a, err := st.Put(t.Context(), bytes.NewReader(data), sdk.Artifact{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func want(t *testing.T, st Store, a sdk.Artifact, data []byte) {
	t.Helper()
	r, err := st.Open(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%s: %d bytes, %v, want the %d put in", a.Digest, len(got), err, len(data))
	}
}

func testPut(t *testing.T, s Suite) {
	st := s.open(t)
	for _, data := range [][]byte{{}, []byte("hello"), bytes.Repeat([]byte{0, 1, 2}, 100_000)} {
		a := put(t, st, data, "x.bin")
		if a.Digest != digest(data) || a.Size != int64(len(data)) || a.Name != "x.bin" || a.MediaType == "" || a.Path != "" {
			t.Errorf("put %d bytes: %+v", len(data), a)
		}
		want(t, st, a, data)
	}
	data := []byte("one byte at a time")
	a, err := st.Put(t.Context(), iotest.OneByteReader(bytes.NewReader(data)), sdk.Artifact{Name: "slow.txt"})
	if err != nil || a.Digest != digest(data) || a.MediaType != "text/plain" {
		t.Errorf("one byte at a time: %+v, %v", a, err)
	}
}

func testSame(t *testing.T, s Suite) {
	st := s.open(t)
	data := []byte("the same")
	a, b := put(t, st, data, "a.txt"), put(t, st, data, "b.md")
	if a.Digest != b.Digest || a.Name != "a.txt" || b.Name != "b.md" || b.MediaType != "text/markdown" {
		t.Errorf("%+v and %+v", a, b)
	}
	want(t, st, b, data)
}

func testNames(t *testing.T, s Suite) {
	st := s.open(t)
	for _, name := range []string{"../../../../tmp/evil", "/etc/passwd", "a/b", "", ".", "a\x00b", "\xff", "CON", string(bytes.Repeat([]byte("n"), 5000))} {
		data := []byte("named " + name)
		if a := put(t, st, data, name); a.Name != name {
			t.Errorf("name %q came back as %q", name, a.Name)
		}
	}
}

func testSniff(t *testing.T, s Suite) {
	st := s.open(t)
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), make([]byte, 64)...)
	wav := []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x22\x56\x00\x00\x44\xac\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	for _, c := range []struct {
		data       []byte
		name, hint string
		want       string
	}{
		{png, "p.png", "", "image/png"},
		{png, "p.txt", "text/plain", "image/png"},
		{png, "p.md", "", "image/png"},
		{wav, "say.wav", "audio/wav", "audio/wav"},
		{[]byte("# Title\n\ntext"), "a.md", "", "text/markdown"},
		{[]byte("# Title\n\ntext"), "a.MARKDOWN", "", "text/markdown"},
		{[]byte("# Title\n\ntext"), "a", "text/markdown; charset=utf-8", "text/markdown"},
		{[]byte("just text"), "photo.png", "image/png", "text/plain"},
		{[]byte("just text"), "a.txt", "", "text/plain"},
		{[]byte("PK\x03\x04 and more"), "a.voice", "", "application/vnd.spinbot.voice+zip"},
		{[]byte("PK\x03\x04 and more"), "a.bin", "application/vnd.some+zip", "application/vnd.some+zip"},
		{[]byte("PK\x03\x04 and more"), "a.bin", "image/png", "application/zip"},
		{[]byte("1\n00:00:00,000 --> 00:00:01,000\nHi\n"), "a.srt", "", "application/x-subrip"},
		{[]byte(`{"a": [1, 2]}`), "a.json", "", "application/json"},
		{[]byte("\x00\x01\x02\x03"), "model.bin", "application/x-model", "application/x-model"},
		{[]byte("\x00\x01\x02\x03"), "a.png", "image/png", "application/octet-stream"},
		{[]byte("\x00\x01\x02\x03"), "a.md", "text/markdown", "application/octet-stream"},
	} {
		a, err := st.Put(t.Context(), bytes.NewReader(c.data), sdk.Artifact{Name: c.name, MediaType: c.hint})
		if err != nil || a.MediaType != c.want {
			t.Errorf("%q hinted %q: %q, %v, want %q", c.name, c.hint, a.MediaType, err, c.want)
		}
	}
}

func testSeek(t *testing.T, s Suite) {
	st := s.open(t)
	r, err := st.Open(t.Context(), put(t, st, []byte("0123456789"), "").Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, at := range []int64{7, 2, 0} {
		b := make([]byte, 1)
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, b); err != nil || b[0] != '0'+byte(at) {
			t.Errorf("byte %d is %q, %v", at, b, err)
		}
	}
}

// testFetch: the copy is private and read-only: spoiling it leaves the store whole.
func testFetch(t *testing.T, s Suite) {
	st := s.open(t)
	data := bytes.Repeat([]byte("fetch me "), 50_000)
	a := put(t, st, data, "")
	path := filepath.Join(t.TempDir(), "copy")
	if err := st.Fetch(t.Context(), a.Digest, path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("fetched %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("the copy is writable: %v, %v", info.Mode(), err)
	}
	if err := st.Fetch(t.Context(), a.Digest, path); err == nil {
		t.Error("fetching over a file that is there was not refused")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("spoiled"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, st, a, data)
	if err := st.Fetch(t.Context(), a.Digest, filepath.Join(path, "no", "folder")); err == nil {
		t.Error("fetching into a folder that is not there succeeded")
	}
}

func testAbsent(t *testing.T, s Suite) {
	st := s.open(t)
	d := digest([]byte("nobody put this"))
	if _, err := st.Open(t.Context(), d); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("open: %v, want ErrNotFound", err)
	}
	path := filepath.Join(t.TempDir(), "copy")
	if err := st.Fetch(t.Context(), d, path); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("fetch: %v, want ErrNotFound", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a failed fetch left a file")
	}
	if err := st.Touch(t.Context(), d); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("touch: %v, want ErrNotFound", err)
	}
	if removed, err := st.Remove(t.Context(), d, time.Now()); removed || err != nil {
		t.Errorf("remove: %t, %v", removed, err)
	}
}

func testDigests(t *testing.T, s Suite) {
	st := s.open(t)
	good := digest([]byte("x"))
	for _, d := range []string{"", "sha256:", "sha256:../../../etc/passwd", good[:len(good)-1], good + "0", good[7:], "md5:" + good[7:],
		"sha256:" + string(bytes.ToUpper([]byte(good[7:]))), "sha256:" + string(bytes.Repeat([]byte("zz"), 32))} {
		if d == good {
			continue // a digest without letters
		}
		_, err := st.Open(t.Context(), d)
		if !errors.Is(err, artifacts.ErrDigest) || errors.Is(err, artifacts.ErrNotFound) {
			t.Errorf("open %q: %v, want %v", d, err, artifacts.ErrDigest)
		}
		if err := st.Touch(t.Context(), d); !errors.Is(err, artifacts.ErrDigest) {
			t.Errorf("touch %q: %v, want %v", d, err, artifacts.ErrDigest)
		}
		if _, err := st.Remove(t.Context(), d, time.Now()); !errors.Is(err, artifacts.ErrDigest) {
			t.Errorf("remove %q: %v, want %v", d, err, artifacts.ErrDigest)
		}
		if err := st.Fetch(t.Context(), d, filepath.Join(t.TempDir(), "x")); err == nil {
			t.Errorf("fetch %q was not refused", d)
		}
	}
}

func testReaderFails(t *testing.T, s Suite) {
	st := s.open(t)
	broken := errors.New("the line went dead")
	r := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(broken))
	if _, err := st.Put(t.Context(), r, sdk.Artifact{}); !errors.Is(err, broken) {
		t.Errorf("put: %v, want the reader's error", err)
	}
	if _, err := st.Open(t.Context(), digest(make([]byte, 1<<20))); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("half of it is visible: %v", err)
	}
}

func testCancelled(t *testing.T, s Suite) {
	st := s.open(t)
	a := put(t, st, make([]byte, 1<<20), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Put(ctx, bytes.NewReader([]byte("new")), sdk.Artifact{}); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := st.Fetch(ctx, a.Digest, path); err == nil {
		want(t, st, a, make([]byte, 1<<20)) // a reflink is over before anybody looks at the context
	} else if _, serr := os.Stat(path); serr == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("fetch: %v, file left: %v", err, serr == nil)
	}
}

func testHammer(t *testing.T, s Suite) {
	st := s.open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				data := fmt.Appendf(nil, "content %d", (i+j)%5) // the same few, from everywhere
				a, err := st.Put(t.Context(), bytes.NewReader(data), sdk.Artifact{})
				if err != nil || a.Digest != digest(data) {
					t.Errorf("put: %v, %v", a, err)
					return
				}
				r, err := st.Open(t.Context(), a.Digest)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				r.Close()
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("read %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// testLarge streams more than a store may hold in memory if it gathered it.
func testLarge(t *testing.T, s Suite) {
	if testing.Short() {
		t.Skip("64 MiB")
	}
	st := s.open(t)
	const size = 64 << 20
	a, err := st.Put(t.Context(), io.LimitReader(zeros{}, size), sdk.Artifact{Name: "zeros"})
	if err != nil || a.Size != size {
		t.Fatalf("%+v, %v", a, err)
	}
	path := filepath.Join(t.TempDir(), "copy")
	if err := st.Fetch(t.Context(), a.Digest, path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		t.Errorf("fetched %v, %v", info, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
