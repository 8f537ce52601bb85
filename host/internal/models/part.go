package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// part is the beginning of a file, beside the place where it will be.
type part struct {
	f    *os.File
	path string // where it will be
	size int64
	sum  hash.Hash // of all of it
}

// openPart opens the beginning of a file, empty or as an earlier transfer left it, and hashes what is there.
func openPart(ctx context.Context, path string) (*part, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("a folder for the model: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "."+base+".part"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, artifacts.DiskError("fetch a model", dir, err)
	}
	p := &part{f: f, path: path, sum: sha256.New()}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another spinbot fetches %s into the same folder (%w); let it finish", path, err)
	}
	if err := copyAll(ctx, p.sum, f); err != nil {
		f.Close()
		return nil, fmt.Errorf("read what an earlier transfer left in %s: %w", f.Name(), err)
	}
	p.size, err = f.Seek(0, io.SeekCurrent)
	return p, err
}

// vacant says whether nothing is at a path.
func vacant(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fmt.Errorf("%s is there already, and is not written over: move it away first", path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// Write appends.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// drop forgets the bytes.
func (p *part) drop() error {
	p.size = 0
	p.sum.Reset()
	_, err := p.f.Seek(0, io.SeekStart)
	return errors.Join(err, p.f.Truncate(0))
}

// close leaves the file for a later transfer, if there is anything in it.
func (p *part) close() {
	if p.size == 0 {
		os.Remove(p.f.Name())
	}
	p.f.Close()
}

func (p *part) digest() string { return "sha256:" + hex.EncodeToString(p.sum.Sum(nil)) }

// install puts the whole file in its place, where there must be nothing.
func (p *part) install() (fs.FileInfo, error) {
	if err := p.f.Sync(); err != nil {
		return nil, artifacts.DiskError("write the model to disk", filepath.Dir(p.path), err)
	}
	err := os.Link(p.f.Name(), p.path) // unlike a rename, never over another file
	if err == nil {
		os.Remove(p.f.Name())
	} else if err = vacant(p.path); err == nil { // a file system without links
		err = os.Rename(p.f.Name(), p.path)
	}
	if err != nil {
		return nil, err
	}
	p.size = -1 // its name is gone
	return p.f.Stat()
}

// errStalled is why a transfer is broken off that stands still.
var errStalled = errors.New("nothing came over for too long")

// pull continues a transfer once, until the file is whole and verified.
func (l *Library) pull(ctx context.Context, f *fetch, p *part, rate int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := p.size
	s, err := f.want.Source.Open(ctx, p.size)
	if err != nil {
		return fmt.Errorf("%s: %w", f.From, err)
	}
	defer s.Body.Close()
	digest := f.want.Digest
	switch {
	case digest == "":
		digest = s.Digest
	case s.Digest != "" && s.Digest != digest:
		return lasting{fmt.Errorf("%s has another file of that name: its digest is %s, and %s is wanted", f.From, s.Digest, digest)}
	}
	if s.Offset != p.size || p.size > s.Size {
		began = 0
		if err := p.drop(); err != nil {
			return lasting{err}
		}
		if s.Offset != 0 {
			return fmt.Errorf("%s sent bytes from %d on, which were not asked for", f.From, s.Offset)
		}
	}
	if err := l.room(f, p, s.Size); err != nil {
		return lasting{err}
	}
	if err := l.copy(ctx, cancel, f, p, s, rate); err != nil {
		return err
	}
	if got := p.digest(); got != digest {
		if err := p.drop(); err != nil {
			return lasting{err}
		}
		err := fmt.Errorf("what %s sent is not the file that is wanted: its digest is %s, not %s; nothing of it is kept", f.From, got, digest)
		if began == 0 {
			return lasting{err}
		}
		return err // of what an earlier transfer had begun: once more, from the start
	}
	return nil
}

// room makes sure that the disk holds the rest, beside what else is on its way.
func (l *Library) room(f *fetch, p *part, total int64) error {
	dir := filepath.Dir(p.path)
	l.mu.Lock()
	defer l.mu.Unlock() // or what others write meanwhile would count twice
	free, err := artifacts.Free(dir)
	if err != nil {
		return fmt.Errorf("ask what is free in %s: %w", dir, err)
	}
	need := total - p.size
	for _, other := range l.fetches {
		if other != f {
			need += other.need
		}
	}
	if need > int64(min(free, 1<<62)) {
		return fmt.Errorf("%s of %s does not fit into %s, where %s are missing: %s", f.Name, sdk.FormatSize(total), dir, sdk.FormatSize(need-int64(free)), artifacts.FullHint(dir))
	}
	f.Done, f.Total, f.need = p.size, total, total-p.size
	return nil
}

// copy appends what comes. An error of the disk lasts, one of the line does not.
func (l *Library) copy(ctx context.Context, cancel context.CancelCauseFunc, f *fetch, p *part, s Stream, rate int64) error {
	idle := time.AfterFunc(l.idle, func() { cancel(errStalled); s.Body.Close() })
	defer idle.Stop()
	began, from := time.Now(), p.size
	size := int64(block)
	if rate > 0 { // so that no pause is long
		size = max(1, min(block, rate/10))
	}
	buf := make([]byte, size)
	for p.size < s.Size {
		n, err := s.Body.Read(buf[:min(size, s.Size-p.size)])
		if _, werr := p.Write(buf[:n]); werr != nil {
			return lasting{artifacts.DiskError("write the model", filepath.Dir(p.path), werr)}
		}
		if n > 0 {
			idle.Reset(l.idle)
			l.moved(f, p.size, s.Size)
		}
		switch {
		case p.size == s.Size:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: it broke off at %s of %s", f.From, sdk.FormatSize(p.size), sdk.FormatSize(s.Size))
		case err != nil:
			return fmt.Errorf("%s: %w", f.From, err)
		}
		if rate > 0 {
			ahead := time.Duration(float64(p.size-from)/float64(rate)*float64(time.Second)) - time.Since(began)
			if err := wait(ctx, ahead); err != nil {
				return err
			}
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
