package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	// part is how much of a large object is sent at once, and how large one is that is sent in one piece.
	part = 32 << 20
	// parallel is how many parts of one object are on their way.
	parallel = 4
	// small is what is gathered in memory before its name is known; what is larger is gathered on disk.
	small = 1 << 20
	// blind is what is sent without asking first whether it is there: the server refuses it then.
	blind = 64 << 10
	// attempts is how often something is put again that was removed in the same moment.
	attempts = 20
	// written is the metadata of stamp, in nanoseconds since 1970.
	written = "Written"
)

// content is what is put: known whole, before it is sent.
type content struct {
	io.ReadSeeker
	sum  []byte
	size int64
	head []byte // its first bytes
}

// Put implements artifacts.Store. What is there already is not sent again.
func (s *Store) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	c, done, err := s.whole(ctx, r)
	if err != nil {
		return sdk.Artifact{}, artifacts.DiskError(fmt.Sprintf("store %q", hint.Name), s.cfg.Scratch, err)
	}
	defer done()
	a := sdk.Artifact{Digest: "sha256:" + hex.EncodeToString(c.sum), Size: c.size, Name: hint.Name, MediaType: artifacts.Sniff(c.head, hint)}
	if err := s.put(ctx, c); err != nil {
		return sdk.Artifact{}, fmt.Errorf("store %q: %w", hint.Name, s.about("put", a.Digest, err))
	}
	return a, nil
}

// whole reads r to its end. What can be read again is left where it is, and what is large otherwise goes through a file.
func (s *Store) whole(ctx context.Context, r io.Reader) (content, func(), error) {
	if f, ok := r.(io.ReadSeeker); ok {
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at == 0 { // not a pipe
			c, err := measure(ctx, f, io.Discard)
			c.ReadSeeker = f
			return c, func() {}, err
		}
	}
	begin := bytes.NewBuffer(make([]byte, 0, 16<<10))
	n, err := io.CopyN(begin, &until{ctx, r}, small)
	if n < small {
		if err != nil && !errors.Is(err, io.EOF) {
			return content{}, nil, fmt.Errorf("read: %w", err)
		}
		c, err := measure(ctx, bytes.NewReader(begin.Bytes()), io.Discard)
		c.ReadSeeker = bytes.NewReader(begin.Bytes())
		return c, func() {}, err
	}
	f, err := os.CreateTemp(s.cfg.Scratch, "put-*")
	if err != nil {
		return content{}, nil, err
	}
	os.Remove(f.Name()) // whatever happens, nothing of it stays
	done := func() { f.Close() }
	c, err := measure(ctx, io.MultiReader(begin, r), f)
	if err != nil {
		done()
		return content{}, nil, err
	}
	c.ReadSeeker = f
	return c, done, nil
}

// ring is the buffers of one measure: as many as one side may be ahead of the other, since waking the other for each takes longer than the
// work where a machine has more to do.
type ring [8][256 << 10]byte

var rings = sync.Pool{New: func() any { return new(ring) }}

// until reads as long as the context lasts.
type until struct {
	ctx context.Context
	io.Reader
}

func (u *until) Read(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(b)
}

// measure copies r into w, and says what it was. It hashes what it has while it reads what comes after.
func measure(ctx context.Context, r io.Reader, w io.Writer) (c content, err error) {
	bufs := rings.Get().(*ring)
	defer rings.Put(bufs)
	hashes, hashed := make(chan []byte, len(bufs)-2), make(chan []byte, 1) // when all wait and one is hashed, one is left to be filled
	go func() {
		h := sha256.New()
		for b := range hashes {
			h.Write(b)
		}
		hashed <- h.Sum(nil)
	}()
	defer func() { // before the buffers are somebody else's
		close(hashes)
		c.sum = <-hashed
	}()
	for k := 0; ; k++ {
		buf := bufs[k%len(bufs)][:]
		n, rerr := fill(buf, &until{ctx, r})
		if len(c.head) < artifacts.SniffLen {
			c.head = append(c.head, buf[:min(n, artifacts.SniffLen-len(c.head))]...)
		}
		hashes <- buf[:n]
		if _, err := w.Write(buf[:n]); err != nil {
			return content{}, err
		}
		c.size += int64(n)
		if errors.Is(rerr, io.EOF) {
			return c, nil
		}
		if rerr != nil {
			return content{}, fmt.Errorf("read: %w", rerr)
		}
	}
}

// fill reads until the buffer is full, or nothing comes any more: a hash of each small piece by itself would wait for more often than it
// takes.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = r.Read(buf[n:])
		n += more
	}
	return n, err
}

var errUnasked = errors.New("it was not asked for")

// put sends the content until it is there to stay.
func (s *Store) put(ctx context.Context, c content) error {
	hexa := hex.EncodeToString(c.sum)
	for range attempts {
		now := time.Now()
		err := errUnasked
		if c.size > blind {
			_, err = s.stat(ctx, s.blob(hexa))
		}
		if err == nil {
			err = s.touch(ctx, hexa, now)
		} else if absent(err) || errors.Is(err, errUnasked) {
			err = s.send(ctx, c, now)
		}
		if err == nil {
			err = s.settled(ctx, hexa)
		}
		if !absent(err) {
			return err
		}
	}
	return errors.New("it is removed again and again: another host cleans up all the time")
}

// send writes the object, unless somebody was faster.
func (s *Store) send(ctx context.Context, c content, now time.Time) error {
	if _, err := c.Seek(0, io.SeekStart); err != nil {
		return err
	}
	hexa := hex.EncodeToString(c.sum)
	options := minio.PutObjectOptions{ContentType: "application/octet-stream", PartSize: part, NumThreads: parallel,
		UserMetadata: stamp(now)}
	var err error
	if c.size <= part { // in one piece, whose digest the server is told
		options.SetMatchETagExcept("*")
		_, err = minio.Core{Client: s.client}.PutObject(ctx, s.cfg.Bucket, s.blob(hexa), c.ReadSeeker, c.size, "", hexa, options)
	} else {
		_, err = s.client.PutObject(ctx, s.cfg.Bucket, s.blob(hexa), c.ReadSeeker, c.size, options)
	}
	if c.size > part && err == nil || codeOf(err) == minio.PreconditionFailed { // somebody else may have written it
		return s.touch(ctx, hexa, now)
	}
	return err
}

// stamp is the metadata that says when an object's writer wrote it.
func stamp(now time.Time) map[string]string {
	return map[string]string{written: strconv.FormatInt(now.UnixNano(), 10)}
}

// stat says when an object was written; NoSuchKey when there is none.
func (s *Store) stat(ctx context.Context, key string) (time.Time, error) {
	info, err := s.client.StatObject(ctx, s.cfg.Bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return time.Time{}, err
	}
	if ns, err := strconv.ParseInt(info.UserMetadata[written], 10, 64); err == nil {
		return time.Unix(0, ns), nil
	}
	return info.LastModified, nil // not written by us
}
