package uploads

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	block  = 256 << 10 // how much is written at once, at most
	blocks = 8         // how many are on their way
	ahead  = 8 << 20   // after how much the disk is told to begin writing, so that little is left to do at the end
)

// Checksum is what a piece has to hash to.
type Checksum struct {
	Hash hash.Hash
	Want []byte
}

// Write continues an upload at offset with what r has, and gives how far it is. With its last byte it becomes an artifact;
// where that could not be done, writing nothing at its end tries again. What came before an error of r stays, unless
// there is a checksum to hold it to.
func (u *Uploads) Write(ctx context.Context, owner, id string, offset int64, r io.Reader, check *Checksum) (Upload, error) {
	if _, err := u.Find(owner, id); err != nil {
		return Upload{}, err
	}
	f, err := u.lock(id)
	whole := errors.Is(err, fs.ErrNotExist)
	if err != nil && !whole {
		return Upload{}, err
	}
	defer f.Close()
	up, err := u.load(id) // once more, since nobody else changes it now
	switch {
	case err != nil:
		return up, err
	case whole && up.Artifact == nil:
		return up, ErrNotFound
	case offset != up.Offset:
		return up, &OffsetError{offset, up.Offset}
	case whole:
		return up, nil
	}
	p := &piece{Uploads: u, f: f, up: up, check: check}
	if err = p.begin(); err == nil {
		err = p.take(r)
	}
	if err == nil && p.up.Offset == up.Size {
		err = p.finish(ctx)
	}
	return p.up, err
}

// lock opens the part of an upload for who alone writes to it. fs.ErrNotExist says that there is none: it is whole, or gone.
func (u *Uploads) lock(id string) (*os.File, error) {
	f, err := os.OpenFile(u.part(id), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("upload %s: %w", id, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, err
	}
	mine, err := f.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(f.Name()); err == nil && !os.SameFile(mine, there) {
			err = ErrBusy
		}
	}
	if err != nil { // it was moved or removed before it was locked
		f.Close()
		return nil, err
	}
	return f, nil
}

// sum is the digest of the first n bytes of a part, which was left as it is at some time.
type sum struct {
	hash.Hash
	n    int64
	left time.Time
}

func (u *Uploads) setSum(id string, s *sum) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s == nil {
		delete(u.sums, id)
		return
	}
	u.sums[id] = s
}

// piece is what one request adds to an upload.
type piece struct {
	*Uploads
	f     *os.File
	up    Upload
	check *Checksum
	sum   *sum
}

// begin brings the part to where the upload stands, and takes up its digest where nobody else has written since.
func (p *piece) begin() error {
	info, err := p.f.Stat()
	if err == nil && info.Size() > p.up.Offset {
		err = p.f.Truncate(p.up.Offset)
	}
	if err == nil {
		_, err = p.f.Seek(p.up.Offset, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("upload %s: %w", p.up.ID, err)
	}
	p.mu.Lock()
	p.sum = p.sums[p.up.ID]
	p.mu.Unlock()
	if p.sum == nil || p.sum.n != p.up.Offset || !p.sum.left.Equal(info.ModTime()) {
		p.sum = &sum{Hash: sha256.New()}
	}
	if p.check == nil && p.up.Held == nil {
		return nil
	}
	if p.up.Held = nil; p.check != nil {
		began := p.up.Offset
		p.up.Held = &began
	}
	return p.save(p.up)
}

// take appends what comes.
func (p *piece) take(r io.Reader) error {
	began := p.up.Offset
	err := p.copy(io.LimitReader(r, p.up.Size-began))
	if err == nil {
		if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
			return errors.Join(ErrTooLong, p.back(began))
		}
	}
	if p.check != nil {
		if err == nil && !bytes.Equal(p.check.Hash.Sum(nil), p.check.Want) {
			err = ErrChecksum
		}
		if err != nil {
			return errors.Join(err, p.back(began))
		}
		p.up.Held = nil
		if err := p.save(p.up); err != nil {
			return err
		}
	}
	info, serr := p.f.Stat()
	if serr == nil {
		p.sum.left, p.up.Expires = info.ModTime(), info.ModTime().Add(Patience)
		p.setSum(p.up.ID, p.sum)
	}
	return errors.Join(err, serr)
}

// copy writes what r has, and hashes what was written. Reading, writing and hashing go on side by side.
func (p *piece) copy(r io.Reader) error {
	free, read, written := make(chan []byte, blocks), make(chan []byte, blocks), make(chan []byte, blocks)
	for range blocks {
		free <- make([]byte, block)
	}
	var err, werr error
	failed := make(chan struct{})
	known := p.sum.n == p.up.Offset
	var all sync.WaitGroup
	all.Go(func() {
		defer close(written)
		flushed := p.up.Offset
		for b := range read {
			var n int
			n, werr = p.f.Write(b)
			p.up.Offset += int64(n)
			written <- b[:n]
			if werr != nil {
				close(failed)
				return
			}
			if p.up.Offset-flushed >= ahead {
				flush(p.f, flushed, p.up.Offset-flushed)
				flushed = p.up.Offset
			}
		}
	})
	all.Go(func() {
		for b := range written {
			if known {
				p.sum.Write(b)
				p.sum.n += int64(len(b))
			}
			if p.check != nil {
				p.check.Hash.Write(b)
			}
			free <- b[:block]
		}
	})
	for err == nil {
		select {
		case b := <-free:
			var n int
			n, err = r.Read(b)
			read <- b[:n]
		case <-failed:
			err = io.EOF
		}
	}
	close(read)
	all.Wait()
	switch {
	case werr != nil:
		return artifacts.DiskError("upload "+p.up.ID, p.folder, werr)
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// back forgets what has come from there on.
func (p *piece) back(to int64) error {
	p.setSum(p.up.ID, nil)
	err := p.f.Truncate(to)
	p.up.Offset = to
	if err == nil && p.up.Held != nil {
		p.up.Held = nil
		err = p.save(p.up)
	}
	return err
}

// finish gives the whole file to the store.
func (p *piece) finish(ctx context.Context) error {
	buf := make([]byte, block)
	for p.sum.n < p.up.Size {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := p.f.ReadAt(buf[:min(block, p.up.Size-p.sum.n)], p.sum.n)
		p.sum.Write(buf[:n])
		p.sum.n += int64(n)
		if err != nil {
			return fmt.Errorf("upload %s: read %s: %w", p.up.ID, p.f.Name(), err)
		}
	}
	n, err := p.f.ReadAt(buf[:artifacts.SniffLen], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("upload %s: read %s: %w", p.up.ID, p.f.Name(), err)
	}
	a := sdk.Artifact{Name: p.up.Name, MediaType: p.up.MediaType}
	a.Digest, a.Size, a.MediaType = "sha256:"+hex.EncodeToString(p.sum.Sum(nil)), p.up.Size, artifacts.Sniff(buf[:n], a)
	p.up.Artifact = &a
	err = p.save(p.up) // it counts once the part is gone
	if err == nil {
		err = p.give(ctx, a)
	}
	if err != nil {
		p.up.Artifact = nil
		return err
	}
	p.setSum(p.up.ID, nil)
	p.up.Expires = p.now().Add(Answer)
	return nil
}

// give moves the part into the store, or copies it where it has to.
func (p *piece) give(ctx context.Context, a sdk.Artifact) error {
	if st, ok := p.store.(artifacts.Adopter); ok {
		if err := st.Adopt(p.f.Name(), a.Digest); !errors.Is(err, syscall.EXDEV) {
			return err
		}
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("upload %s: %w", p.up.ID, err)
	}
	if _, err := p.store.Put(ctx, p.f, a); err != nil {
		return err
	}
	return os.Remove(p.f.Name())
}
