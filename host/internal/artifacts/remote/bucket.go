package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	// rest is how long a bucket is left alone that failed.
	rest = time.Minute
	// otherRest is how long one is left alone that is not the host's.
	otherRest = time.Hour
)

// bucket is where the host keeps its artifacts, as this agent reaches it by itself. What it fails at goes through the host, and so
// does what follows for a while.
type bucket struct {
	store  artifacts.Store // nil: there is none
	failed func(error)
	now    func() time.Time

	mu    sync.Mutex
	until time.Time // it is left alone
}

// usable says whether the bucket is to be tried.
func (b *bucket) usable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store != nil && !b.now().Before(b.until)
}

// blame leaves the bucket alone for what it failed at, unless nobody wants it any more.
func (b *bucket) blame(ctx context.Context, err error) {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if !errors.Is(err, context.Canceled) {
		b.leave(err, rest)
	}
}

// leave leaves the bucket alone for a while, and tells why, once.
func (b *bucket) leave(err error, long time.Duration) {
	b.mu.Lock()
	now := b.now()
	first := !now.Before(b.until)
	b.until = now.Add(long)
	b.mu.Unlock()
	if first {
		b.failed(err)
	}
}

// read gives the bytes from where the partial file ends. Nil: the bucket cannot, or does not have them.
func (b *bucket) read(ctx context.Context, p *partial) (body io.ReadCloser, total int64) {
	if !b.usable() {
		return nil, 0
	}
	r, err := b.store.Open(ctx, p.digest)
	if err == nil {
		if total, err = r.Seek(0, io.SeekEnd); err == nil && p.size > total {
			err = p.drop()
		}
		if err == nil {
			_, err = r.Seek(p.size, io.SeekStart)
		}
		if err == nil {
			return &fromBucket{ReadCloser: r, ctx: ctx, b: b}, total
		}
		r.Close()
	}
	if !errors.Is(err, artifacts.ErrNotFound) {
		b.blame(ctx, err)
	}
	return nil, 0
}

// fromBucket is a download that leaves the bucket alone once it broke off: the host goes on with it.
type fromBucket struct {
	io.ReadCloser
	ctx context.Context
	b   *bucket
}

func (f *fromBucket) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.b.blame(f.ctx, err)
	}
	return n, err
}

// put writes an artifact into the bucket, whose bytes are in the file. Seen hears that they move.
func (b *bucket) put(ctx context.Context, digest string, file io.ReaderAt, size int64, seen func()) bool {
	a, err := b.store.Put(ctx, &seenFile{io.NewSectionReader(file, 0, size), seen}, sdk.Artifact{})
	if err == nil && a.Digest != digest {
		err = fmt.Errorf("artifact %s is damaged on this agent's disk: there are the bytes of %s", digest, a.Digest)
	}
	if err != nil {
		b.blame(ctx, err)
	}
	return err == nil
}

// seenFile tells of each read.
type seenFile struct {
	*io.SectionReader
	seen func()
}

func (s *seenFile) Read(b []byte) (int, error) {
	s.seen()
	return s.SectionReader.Read(b)
}

// ReadAt implements io.ReaderAt.
func (s *seenFile) ReadAt(b []byte, off int64) (int, error) {
	s.seen()
	return s.SectionReader.ReadAt(b, off)
}

// direct puts the artifact into the bucket, once. The host is asked afterwards whether it is there.
func (u *upload) direct(ctx context.Context, body io.Reader) (put bool) {
	file, ok := body.(io.ReaderAt)
	if !ok || u.tried || !u.bucket.usable() {
		return false
	}
	u.tried = true
	watched, alive, end := watch(ctx, u.Stall)
	defer end()
	return u.bucket.put(watched, u.digest, file, u.size, func() { alive(u.Stall) })
}

var errOther = errors.New("the host does not find there what this agent put: is it the host's bucket, with the same prefix?")
