package uploads

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/sdk"
)

type rig struct {
	*Uploads
	t     *testing.T
	files artifacts.Store
	root  string
	later time.Duration // what the clock is ahead
}

func begin(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, root: t.TempDir()}
	files, err := dir.Open(r.root)
	if err != nil {
		t.Fatal(err)
	}
	r.files = files
	r.restart()
	return r
}

func (r *rig) restart() {
	r.t.Helper()
	u, err := Open(filepath.Join(r.root, "uploads"), r.files, func() time.Time { return time.Now().Add(r.later) })
	if err != nil {
		r.t.Fatal(err)
	}
	r.Uploads = u
}

func (r *rig) new(size int64) Upload {
	r.t.Helper()
	up, err := r.New(r.t.Context(), Upload{Owner: "anna", Name: "x.txt", Size: size})
	if err != nil {
		r.t.Fatal(err)
	}
	return up
}

// send writes a piece and looks at what is known then.
func (r *rig) send(id string, offset int64, text string) (Upload, error) {
	r.t.Helper()
	up, err := r.Write(r.t.Context(), "anna", id, offset, strings.NewReader(text), nil)
	if err == nil {
		found, ferr := r.Find("anna", id)
		if ferr != nil || found.Offset != up.Offset || (found.Artifact == nil) != (up.Artifact == nil) {
			r.t.Errorf("got %+v, then %+v %v", up, found, ferr)
		}
	}
	return up, err
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// has checks that an upload became the artifact of a text, and that the store has it.
func (r *rig) has(up Upload, text string) {
	r.t.Helper()
	if up.Artifact == nil || up.Artifact.Digest != digestOf(text) || up.Artifact.Size != int64(len(text)) || up.Artifact.Name != "x.txt" || up.Artifact.MediaType != "text/plain" {
		r.t.Fatalf("got %+v", up.Artifact)
	}
	f, err := r.files.Open(r.t.Context(), up.Artifact.Digest)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != text {
		r.t.Errorf("the store has %d bytes, %v", len(got), err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.folder, up.ID+".part*")); len(left) > 0 {
		r.t.Errorf("left: %v", left)
	}
}

// TestPieces: with and without a restart before each of them.
func TestPieces(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		r := begin(t)
		text := strings.Repeat("0123456789", 100_000)
		up := r.new(int64(len(text)))
		for _, end := range []int{1, 1, 300_000, 999_999} {
			if restart {
				r.restart()
			}
			got, err := r.send(up.ID, up.Offset, text[up.Offset:end])
			if err != nil || got.Offset != int64(end) || got.Artifact != nil {
				t.Fatalf("%+v %v", got, err)
			}
			up = got
		}
		if restart {
			r.restart()
		}
		up, err := r.send(up.ID, up.Offset, text[up.Offset:])
		if err != nil {
			t.Fatal(err)
		}
		r.has(up, text)
		r.restart()
		if up, err = r.Find("anna", up.ID); err != nil {
			t.Fatal(err)
		}
		r.has(up, text)
		if up, err = r.send(up.ID, up.Size, ""); err != nil {
			t.Errorf("the end again: %v", err)
		}
		r.has(up, text)
		if err := r.Remove("anna", up.ID); err != nil {
			t.Error(err)
		}
		r.has(up, text)
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.has(r.new(0), "")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	r := begin(t)
	up := r.new(10)
	if _, err := r.send(up.ID, 0, "abc"); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 2, 4, 10, 11, math.MaxInt64} {
		var at *OffsetError
		if _, err := r.send(up.ID, offset, "x"); !errors.As(err, &at) || at.Have != 3 {
			t.Errorf("%d: %v", offset, err)
		}
	}
	if got, err := r.send(up.ID, 3, "defghijk"); !errors.Is(err, ErrTooLong) || got.Offset != 3 {
		t.Errorf("%+v %v", got, err)
	}
	for _, id := range []string{"", "x", "../" + up.ID, up.ID + "/../" + up.ID, strings.ToLower(up.ID), strings.Repeat("A", 26), up.ID + "\x00", strings.Repeat("A", 4096)} {
		if _, err := r.send(id, 3, "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if err := r.Remove("anna", id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := r.Write(t.Context(), "bert", up.ID, 3, strings.NewReader("x"), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	if err := r.Remove("bert", up.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	if up, err := r.send(up.ID, 3, "defghij"); err != nil {
		t.Error(err)
	} else {
		r.has(up, "abcdefghij")
	}
}

// TestBrokenOff: what came stays.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	r := begin(t)
	up := r.new(10)
	lost := errors.New("the line is gone")
	got, err := r.Write(t.Context(), "anna", up.ID, 0, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(lost)), nil)
	if !errors.Is(err, lost) || got.Offset != 3 {
		t.Fatalf("%+v %v", got, err)
	}
	if up, err = r.send(up.ID, 3, "defghij"); err != nil {
		t.Fatal(err)
	}
	r.has(up, "abcdefghij")
}

func checked(text string) *Checksum {
	sum := sha256.Sum256([]byte(text))
	return &Checksum{sha256.New(), sum[:]}
}

// TestChecksum: a piece that is not what it should be has not come; neither has one of which the end is missing, whatever
// became of the host meanwhile.
func TestChecksum(t *testing.T) {
	t.Parallel()
	r := begin(t)
	up := r.new(9)
	ctx := t.Context()
	if up, err := r.Write(ctx, "anna", up.ID, 0, strings.NewReader("abc"), checked("abc")); err != nil || up.Offset != 3 {
		t.Fatalf("%+v %v", up, err)
	}
	if up, err := r.Write(ctx, "anna", up.ID, 3, strings.NewReader("dEf"), checked("def")); !errors.Is(err, ErrChecksum) || up.Offset != 3 {
		t.Errorf("%+v %v", up, err)
	}
	if up, err := r.Write(ctx, "anna", up.ID, 3, io.MultiReader(strings.NewReader("de"), iotest.ErrReader(io.ErrUnexpectedEOF)), checked("def")); !errors.Is(err, io.ErrUnexpectedEOF) || up.Offset != 3 {
		t.Errorf("%+v %v", up, err)
	}
	// The host dies within a piece: a copy of its folder is what the next one finds.
	next := begin(t)
	within := func() {
		for late := time.Now().Add(30 * time.Second); time.Now().Before(late); time.Sleep(time.Millisecond) { // polled: what was read is written beside
			if raw, _ := os.ReadFile(r.part(up.ID)); len(raw) == 5 {
				break
			}
		}
		if err := os.CopyFS(filepath.Join(next.root, "uploads-copy"), os.DirFS(r.folder)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Write(ctx, "anna", up.ID, 3, io.MultiReader(strings.NewReader("xx"), &hook{within}, iotest.ErrReader(io.ErrUnexpectedEOF)), checked("def"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	next.folder = filepath.Join(next.root, "uploads-copy")
	if raw, err := os.ReadFile(next.part(up.ID)); err != nil || string(raw) != "abcxx" {
		t.Fatalf("%s %v: it was not within a piece", raw, err)
	}
	for _, r := range []*rig{r, next} {
		up, err := r.send(up.ID, 3, "defghi")
		if err != nil {
			t.Fatal(err)
		}
		r.has(up, "abcdefghi")
	}
}

// hook is a reader of nothing that does something.
type hook struct{ do func() }

func (h *hook) Read([]byte) (int, error) { h.do(); return 0, io.EOF }

// TestOneWriter: a second request is refused while the first one writes.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	r := begin(t)
	up := r.new(3)
	other := *r
	other.restart() // as another host would
	r.Write(t.Context(), "anna", up.ID, 0, io.MultiReader(strings.NewReader("a"), &hook{func() {
		for _, o := range []*rig{r, &other} {
			if _, err := o.Write(t.Context(), "anna", up.ID, 1, strings.NewReader("b"), nil); !errors.Is(err, ErrBusy) {
				t.Errorf("got %v", err)
			}
			if err := o.Remove("anna", up.ID); !errors.Is(err, ErrBusy) {
				t.Errorf("got %v", err)
			}
		}
	}}), nil)
	if _, err := other.send(up.ID, 1, "b"); err != nil {
		t.Fatal(err)
	}
	up, err := r.send(up.ID, 2, "c") // whose digest of the first byte is not enough any more
	if err != nil {
		t.Fatal(err)
	}
	r.has(up, "abc")
}

// TestHammer: many write to the same uploads at once; each becomes what it should be.
func TestHammer(t *testing.T) {
	t.Parallel()
	r := begin(t)
	text := strings.Repeat("0123456789", 5_000)
	ids := []string{r.new(int64(len(text))).ID, r.new(int64(len(text))).ID, r.new(int64(len(text))).ID}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for k := n; k < n+200; k++ {
				id := ids[k%len(ids)]
				up, err := r.Find("anna", id)
				if err != nil {
					t.Error(err)
					return
				}
				if up.Artifact != nil {
					continue
				}
				end := min(up.Offset+7_777, up.Size)
				_, err = r.Write(t.Context(), "anna", id, up.Offset, strings.NewReader(text[up.Offset:end]), nil)
				if at := (*OffsetError)(nil); err != nil && !errors.Is(err, ErrBusy) && !errors.As(err, &at) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		for up, err := r.Find("anna", id); ; up, err = r.Find("anna", id) {
			if err != nil {
				t.Fatal(err)
			}
			if up.Artifact != nil {
				r.has(up, text)
				break
			}
			if _, err := r.send(id, up.Offset, text[up.Offset:]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestExpires(t *testing.T) {
	t.Parallel()
	r := begin(t)
	part, whole := r.new(10), r.new(1)
	if _, err := r.send(whole.ID, 0, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.send(part.ID, 0, "x"); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		all, err := r.List()
		if err != nil {
			t.Error(err)
		}
		return len(all)
	}
	if count() != 2 {
		t.Error("one is gone too early")
	}
	r.later = Answer + time.Minute
	if _, err := r.Find("anna", whole.ID); !errors.Is(err, ErrNotFound) || count() != 1 {
		t.Error(err)
	}
	r.later = Patience + time.Minute
	if _, err := r.send(part.ID, 1, "x"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	r.restart()
	if left, err := fs.Glob(os.DirFS(r.folder), "*"); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.free = func(string) (uint64, error) { return math.MaxUint64, nil }
	big := r.new(MaxBytes - 1)
	if _, err := r.New(t.Context(), Upload{Owner: "anna", Size: 2}); !errors.Is(err, ErrQuota) {
		t.Error(err)
	}
	if _, err := r.New(t.Context(), Upload{Owner: "bert", Size: 2}); err != nil {
		t.Error(err)
	}
	if err := r.Remove("anna", big.ID); err != nil {
		t.Error(err)
	}
	for range MaxCount {
		r.new(1)
	}
	if _, err := r.New(t.Context(), Upload{Owner: "anna", Size: 1}); !errors.Is(err, ErrQuota) {
		t.Error(err)
	}
	r.free = func(string) (uint64, error) { return 100, nil }
	if _, err := r.New(t.Context(), Upload{Owner: "carl", Size: 90}); !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), r.folder) { // 18 are on their way
		t.Error(err)
	}
	if _, err := r.New(t.Context(), Upload{Owner: "carl", Size: 80}); err != nil {
		t.Error(err)
	}
}

// copying is a store that cannot adopt.
type copying struct{ artifacts.Store }

// stubborn is one that fails once.
type stubborn struct {
	artifacts.Store
	failed bool
}

func (s *stubborn) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	if !s.failed {
		s.failed = true
		return sdk.Artifact{}, errors.New("not now")
	}
	return s.Store.Put(ctx, r, hint)
}

// TestStores: one that has to copy, and one that could not take it at first.
func TestStores(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.store = copying{r.files}
	up, err := r.send(r.new(3).ID, 0, "abc")
	if err != nil {
		t.Fatal(err)
	}
	r.has(up, "abc")
	r.store = &stubborn{Store: r.files}
	up = r.new(4)
	if _, err := r.send(up.ID, 0, "abcd"); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Fatal(err)
	}
	if up, err = r.Find("anna", up.ID); err != nil || up.Offset != 4 || up.Artifact != nil {
		t.Fatalf("%+v %v", up, err)
	}
	if up, err = r.send(up.ID, 4, ""); err != nil {
		t.Fatal(err)
	}
	r.has(up, "abcd")
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	r := begin(t)
	up := r.new(3)
	if err := os.WriteFile(r.record(up.ID), bytes.Repeat([]byte("{"), 10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Find("anna", up.ID); err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), r.record(up.ID)) {
		t.Error(err)
	}
}
