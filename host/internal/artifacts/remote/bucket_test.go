package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeBucket is a bucket that fails when it is told to.
type fakeBucket struct {
	artifacts.Store

	asked atomic.Int64
	fail  atomic.Pointer[error]         // of Put and Open
	read  func(io.ReadSeeker) io.Reader // what its files give instead; nil: their bytes
}

func (f *fakeBucket) failed() error {
	f.asked.Add(1)
	if err := f.fail.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *fakeBucket) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	if err := f.failed(); err != nil {
		return sdk.Artifact{}, err
	}
	return f.Store.Put(ctx, r, hint)
}

func (f *fakeBucket) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	if err := f.failed(); err != nil {
		return nil, err
	}
	r, err := f.Store.Open(ctx, digest)
	if err != nil || f.read == nil {
		return r, err
	}
	return struct {
		io.Reader
		io.Seeker
		io.Closer
	}{f.read(r), r, r}, nil
}

// moved are the requests that carried bytes over the host.
type moved struct {
	mu    sync.Mutex
	lines []string
}

func (m *moved) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			m.mu.Lock()
			m.lines = append(m.lines, strings.TrimSpace(r.Method+" "+r.Header.Get("Range")))
			m.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

func (m *moved) take() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := strings.Join(m.lines, ", ")
	m.lines = nil
	return all
}

// bucketed is a fleet whose host keeps its artifacts in a bucket that the agent may use.
type bucketed struct {
	*fleet
	bucket *fakeBucket
	over   moved

	mu    sync.Mutex
	heard []error
}

// startBucket starts one. The bucket is the host's unless other is.
func startBucket(t *testing.T, other *dir.Store) *bucketed {
	t.Helper()
	b := &bucketed{bucket: &fakeBucket{}}
	s := setup{between: b.over.watch}
	b.fleet = start(t, s)
	b.bucket.Store = b.host
	if other != nil {
		b.bucket.Store = other
	}
	s.config = func(c *remote.Config) {
		c.Bucket = b.bucket
		c.Failed = func(err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.heard = append(b.heard, err)
		}
	}
	b.restart(t, s)
	return b
}

func (b *bucketed) failures() []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard
}

func (b *bucketed) brings(t *testing.T, data []byte) {
	t.Helper()
	d := put(t, b.store, data)
	if err := b.store.Upload(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if !has(t, b.host, d) {
		t.Errorf("the host does not have %s", d)
	}
}

func (b *bucketed) gets(t *testing.T, data []byte) {
	t.Helper()
	if got := read(t, b.store, put(t, b.host, data)); !bytes.Equal(got, data) {
		t.Errorf("got %d other bytes", len(got))
	}
}

// TestBucket: with a bucket no byte goes through the host.
func TestBucket(t *testing.T) {
	t.Parallel()
	b := startBucket(t, nil)
	for _, size := range []int{0, 1, 3 << 20} {
		b.brings(t, noise(size, 1))
		b.gets(t, noise(size+100, 2))
	}
	if over := b.over.take(); over != "" || len(b.failures()) > 0 {
		t.Errorf("over the host went %s; failures: %v", over, b.failures())
	}
}

// TestBucketDown: what the bucket fails at goes through the host, and so does what follows, until it is tried again.
func TestBucketDown(t *testing.T) {
	t.Parallel()
	b := startBucket(t, nil)
	down := errors.New("the bucket is down")
	b.bucket.fail.Store(&down)
	b.brings(t, []byte("one"))
	b.gets(t, []byte("two"))
	b.brings(t, []byte("three"))
	if over, asked := b.over.take(), b.bucket.asked.Load(); over != "PATCH, GET, PATCH" || asked != 1 {
		t.Errorf("over the host went %s; the bucket was asked %d times", over, asked)
	}
	if f := b.failures(); len(f) != 1 || !errors.Is(f[0], down) {
		t.Errorf("heard %v", f)
	}
	b.bucket.fail.Store(nil)
	b.store.Later(remote.Rest)
	b.gets(t, []byte("four"))
	if over := b.over.take(); over != "" {
		t.Errorf("over the host went %s, though the bucket is back", over)
	}
}

// TestBucketOther: what is put into another bucket than the host's gets to the host all the same, and is said.
func TestBucketOther(t *testing.T) {
	t.Parallel()
	b := startBucket(t, openDir(t, t.TempDir()))
	b.brings(t, []byte("one"))
	b.brings(t, []byte("two"))
	b.gets(t, []byte("three"))
	if over, asked := b.over.take(), b.bucket.asked.Load(); over != "PATCH, PATCH, GET" || asked != 1 {
		t.Errorf("over the host went %s; the bucket was asked %d times", over, asked)
	}
	if f := b.failures(); len(f) != 1 || !strings.Contains(f[0].Error(), "is it the host's bucket") {
		t.Errorf("heard %v", f)
	}
}

// TestBucketBreaks: the host goes on where a download from the bucket broke off, and begins anew where its bytes were wrong.
func TestBucketBreaks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read       func(io.ReadSeeker) io.Reader
		over, says string
	}{
		"broken":  {func(r io.ReadSeeker) io.Reader { return io.MultiReader(io.LimitReader(r, 1<<20), brokenReader{}) }, "GET bytes=1048576-", "cable"},
		"damaged": {func(r io.ReadSeeker) io.Reader { return &flipped{r} }, "GET", "is damaged there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBucket(t, nil)
			b.bucket.read = c.read
			b.gets(t, noise(3<<20, 3))
			if over := b.over.take(); over != c.over {
				t.Errorf("over the host went %q, want %q", over, c.over)
			}
			if f := b.failures(); len(f) != 1 || !strings.Contains(f[0].Error(), c.says) {
				t.Errorf("heard %v", f)
			}
			if left := files(t, filepath.Join(b.folder, "remote", "partial")); len(left) > 0 {
				t.Errorf("partial files stay: %v", left)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("somebody pulled the cable") }

// flipped changes every byte.
type flipped struct{ io.Reader }

func (f *flipped) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	for k := range b[:n] {
		b[k] ^= 1
	}
	return n, err
}

// TestBucketStalls: a bucket in which nothing moves is left for the host.
func TestBucketStalls(t *testing.T) {
	t.Parallel()
	b := startBucket(t, nil)
	b.bucket.Store = hanging{b.host}
	b.store.Stall = 300 * time.Millisecond
	b.brings(t, []byte("one"))
	if f := b.failures(); len(f) != 1 || !strings.Contains(f[0].Error(), "nothing came over") {
		t.Errorf("heard %v", f)
	}
}

// hanging is a bucket whose Put ends with its context.
type hanging struct{ artifacts.Store }

func (hanging) Put(ctx context.Context, _ io.Reader, _ sdk.Artifact) (sdk.Artifact, error) {
	<-ctx.Done()
	return sdk.Artifact{}, ctx.Err()
}
