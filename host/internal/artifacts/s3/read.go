package s3

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// tries is how often a download goes on where it broke off, without a byte in between.
const tries = 5

// Open implements artifacts.Store.
func (s *Store) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	if err := s.Renew(ctx, digest); err != nil {
		return nil, err
	}
	return s.open(ctx, digest)
}

// Renew is what artifacts.Renew calls: of what is new already it asks once.
func (s *Store) Renew(ctx context.Context, digest string) error {
	hexa, err := name(digest)
	if err != nil {
		return err
	}
	newest, err := s.stat(ctx, s.blob(hexa))
	if err == nil && time.Since(newest) >= artifacts.Renewed {
		newest, err = s.newest(ctx, hexa)
	}
	if err == nil && time.Since(newest) >= artifacts.Renewed {
		return s.Touch(ctx, digest)
	}
	return s.about("read", digest, err)
}

func (s *Store) open(ctx context.Context, digest string) (*reader, error) {
	hexa, err := name(digest)
	if err != nil {
		return nil, err
	}
	r := &reader{s: s, ctx: ctx, digest: digest, key: s.blob(hexa)}
	if err := r.begin(0); err != nil {
		return nil, s.about("read", digest, err)
	}
	head, err := r.ahead.Peek(headLen)
	if err != nil && !errors.Is(err, io.EOF) {
		r.hangUp()
		return nil, s.about("read", digest, err)
	}
	r.head = bytes.Clone(head)
	return r, nil
}

// reader reads an object from where it is told to, and goes on where the connection broke.
type reader struct {
	s           *Store
	ctx         context.Context // of who opened it
	digest, key string
	size        int64
	head        []byte // its first bytes, which are looked at more than once
	at          int64  // what is read next

	body  io.ReadCloser // nil: to be asked for
	ahead *bufio.Reader // over body
	pos   int64         // what comes next from ahead
	fails int           // since the last byte
}

const (
	headLen = 4 << 10
	// skip is how much is read over rather than asked for anew.
	skip = 256 << 10
)

// begin asks for the bytes from at on.
func (r *reader) begin(at int64) error {
	options := minio.GetObjectOptions{}
	if at > 0 {
		if err := options.SetRange(at, 0); err != nil {
			return err
		}
	}
	body, info, _, err := minio.Core{Client: r.s.client}.GetObject(r.ctx, r.s.cfg.Bucket, r.key, options)
	if err != nil {
		return err
	}
	r.body, r.pos = body, at
	r.ahead = bufio.NewReaderSize(body, headLen)
	if at == 0 {
		r.size = info.Size
	}
	return nil
}

// find puts ahead where the next byte is.
func (r *reader) find() error {
	if n := r.at - r.pos; r.body != nil && n > 0 && n <= skip {
		done, err := r.ahead.Discard(int(n))
		r.pos += int64(done)
		return err
	}
	if r.body != nil && r.pos == r.at {
		return nil
	}
	r.hangUp()
	return r.begin(r.at)
}

func (r *reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if r.at < int64(len(r.head)) {
		n := copy(b, r.head[r.at:])
		r.at += int64(n)
		return n, nil
	}
	for r.at < r.size {
		n, err := 0, r.find()
		if err == nil {
			n, err = r.ahead.Read(b)
			r.at, r.pos = r.at+int64(n), r.pos+int64(n)
		}
		if n > 0 {
			r.fails = 0
			return n, nil
		}
		r.hangUp()
		if r.fails++; r.fails >= tries || r.ctx.Err() != nil || absent(err) {
			return 0, r.s.about("read", r.digest, cut(err))
		}
		select {
		case <-time.After(time.Duration(r.fails) * 200 * time.Millisecond):
		case <-r.ctx.Done():
		}
	}
	return 0, io.EOF
}

// cut is what an object is that ended too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Seek implements io.Seeker; the next Read asks for the bytes there.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.at = offset
	return offset, nil
}

func (r *reader) hangUp() {
	if r.body != nil {
		r.body.Close()
		r.body, r.ahead = nil, nil
	}
}

func (r *reader) Close() error {
	r.hangUp()
	return nil
}

// Fetch implements artifacts.Store. What arrives is verified.
func (s *Store) Fetch(ctx context.Context, digest, path string) error {
	from, err := s.Open(ctx, digest)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", digest, err)
	}
	c, err := measure(ctx, from, to)
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if got := "sha256:" + hex.EncodeToString(c.sum); err == nil && got != digest {
		err = fmt.Errorf("%s gave other bytes (%s): remove it there and make it again", s.cfg.Where, got)
	}
	if err != nil {
		os.Remove(path)
		return artifacts.DiskError("fetch artifact "+digest, filepath.Dir(path), err)
	}
	return nil
}
