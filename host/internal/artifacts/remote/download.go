package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// download tries once to bring an artifact from the host into the cache. It moved when more of it is here than before.
func (s *Store) download(ctx context.Context, digest string) (moved bool, err error) {
	if s.Cache.Keeper.Touch(ctx, digest) == nil { // another host has given it since
		return true, nil
	}
	p, err := openPartial(s.Cache.partials(), digest)
	if err != nil {
		return false, lasting{err}
	}
	before := p.size
	err = s.pull(ctx, p)
	moved = p.size > before
	p.close()
	if err == nil {
		_ = s.Cache.Trim(ctx) // the artifact is here all the same; what could not go is tried again at the next one
	}
	return moved, err
}

// pull continues the download once.
func (s *Store) pull(ctx context.Context, p *partial) error {
	watched, alive, end := watch(ctx, s.Stall)
	defer end()
	began := p.size
	body, total := s.bucket.read(watched, p)
	direct := body != nil
	if !direct {
		var err error
		if body, total, err = s.ask(watched, p); err != nil {
			return err
		}
	}
	defer body.Close()
	if err := s.Cache.room(ctx, p, total); err != nil {
		return err
	}
	seen := func() { alive(s.Stall); s.Progress(p.digest, p.size, total) }
	if err := s.copy(watched, p, body, seen); err != nil {
		return err
	}
	if p.size < total {
		return fmt.Errorf("host %s: artifact %s broke off at %d of %d bytes", s.Name, p.digest, p.size, total)
	}
	err := p.keep(ctx, s.Cache.Store)
	if errors.Is(err, errMismatch) && direct {
		s.bucket.leave(fmt.Errorf("artifact %s is damaged there: %w", p.digest, err), rest)
		return err
	}
	if errors.Is(err, errMismatch) && began == 0 {
		return lasting{fmt.Errorf("host %s sent other bytes than were asked for: its copy is damaged: delete it there and make it again: %w", s.Name, err)}
	}
	if artifacts.IsFull(err) {
		return lasting{err}
	}
	return err // a mismatch of what an earlier transfer had begun: once more, from the start
}

// ask gives the bytes from where the partial file ends, having emptied it where the host wants to begin anew.
func (s *Store) ask(ctx context.Context, p *partial) (body io.ReadCloser, total int64, err error) {
	r, err := s.request(ctx, http.MethodGet, nil, "artifacts", p.digest)
	if err != nil {
		return nil, 0, err
	}
	if p.size > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.size))
		r.Header.Set("If-Range", etag(p.digest))
	}
	resp, err := s.send(r, http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable, http.StatusNotFound)
	if err != nil {
		return nil, 0, err
	}
	total, err = s.answered(p, resp)
	if err != nil {
		resp.Body.Close()
		return nil, 0, err
	}
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		resp.Body.Close()
		return http.NoBody, total, nil
	}
	return resp.Body, total, nil
}

// answered gives the artifact's size.
func (s *Store) answered(p *partial, resp *http.Response) (int64, error) {
	from, total := rangeOf(resp.Header.Get("Content-Range"))
	switch resp.StatusCode {
	case http.StatusNotFound:
		if resp.Header.Get(absentHeader) == p.digest {
			return 0, lasting{fmt.Errorf("artifact %s is neither here nor at host %s: %w", p.digest, s.Name, artifacts.ErrNotFound)}
		}
		return 0, refused(s.Name, resp.StatusCode, "")
	case http.StatusOK:
		if resp.ContentLength < 0 {
			return 0, lasting{fmt.Errorf("host %s sent artifact %s without its length: is a proxy between that changes answers?", s.Name, p.digest)}
		}
		return resp.ContentLength, p.drop()
	case http.StatusPartialContent:
		if from == p.size && total >= p.size && resp.ContentLength == total-from {
			return total, nil
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if total == p.size { // it was whole when the process died
			return total, nil
		}
	}
	err := fmt.Errorf("host %s: artifact %s: it sent range %.80q where %d bytes are here: begin anew", s.Name, p.digest, resp.Header.Get("Content-Range"), p.size)
	return 0, errors.Join(err, p.drop())
}

// rangeOf reads "bytes 5-9/10" and "bytes */10"; -1 stands for what is not there.
func rangeOf(text string) (from, total int64) {
	span, size, _ := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	return number(first), number(size)
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// copy appends what comes. An error of the disk lasts, one of the line does not.
func (s *Store) copy(ctx context.Context, p *partial, body io.Reader, seen func()) error {
	buf := make([]byte, block)
	for {
		n, err := body.Read(buf)
		if _, werr := p.Write(buf[:n]); werr != nil {
			return lasting{artifacts.DiskError("artifact "+p.digest, s.Cache.partials(), werr)}
		}
		if n > 0 {
			seen()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if cause := context.Cause(ctx); cause != nil && err != nil {
			err = cause
		}
		if err != nil {
			return fmt.Errorf("host %s: artifact %s: %w", s.Name, p.digest, err)
		}
	}
}

// room makes sure that the disk holds the rest, by removing what was used longest ago if need be.
func (c *Cache) room(ctx context.Context, p *partial, total int64) error {
	missing, err := c.disk.reserve(p, c.Store, total)
	if err != nil || missing == 0 {
		return err
	}
	if err := c.trim(ctx, func(_, removed int64) bool { return removed >= missing }); err != nil {
		return err
	}
	if missing, err = c.disk.reserve(p, c.Store, total); err != nil || missing == 0 {
		return err
	}
	return lasting{fmt.Errorf("artifact %s of %s does not fit on this agent's disk, where %s are missing beside what is pinned or in use or on its way: %s", p.digest, mib(total), mib(missing), artifacts.FullHint(c.partials()))}
}
