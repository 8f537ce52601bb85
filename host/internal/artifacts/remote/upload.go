package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// Upload brings artifacts that are here to the host, one after another. It tries until ctx ends, unless the host
// refuses in a way that lasts: that error says what to do.
func (s *Store) Upload(ctx context.Context, digests ...string) error {
	for _, d := range digests {
		if _, err := hexOf(d); err != nil {
			return fmt.Errorf("upload: %w", err)
		}
		u := upload{Store: s, digest: d}
		if err := s.retry(ctx, func() (bool, error) { return u.push(ctx) }); err != nil {
			return fmt.Errorf("upload artifact %s: %w", d, err)
		}
	}
	_ = s.Cache.Trim(ctx) // they were put into the cache before; what could not go is tried again at the next one
	return nil
}

// verifying is how much longer than Stall a host is waited for that has every byte: it hashes and syncs them.
const verifying = 10

// upload is one artifact on its way to the host.
type upload struct {
	*Store
	digest string
	size   int64
	offset int64 // how far the host is, as it said last
	anew   bool  // what the host had of it was damaged, and it was begun anew
	tried  bool  // the bucket was tried
}

// push continues the upload once. It moved when the host has more than the last time.
func (u *upload) push(ctx context.Context) (moved bool, err error) {
	body, err := u.Cache.Store.Open(ctx, u.digest)
	if err != nil {
		return false, lasting{err}
	}
	defer body.Close()
	if u.size, err = body.Seek(0, io.SeekEnd); err != nil {
		return false, lasting{err}
	}
	before, put := u.offset, u.direct(ctx, body)
	whole, err := u.ask(ctx)
	moved = u.offset > before
	if err != nil || whole {
		return moved, err
	}
	if put {
		u.bucket.leave(errOther, otherRest)
	}
	if _, err := body.Seek(u.offset, io.SeekStart); err != nil {
		return moved, lasting{err}
	}
	err = u.patch(ctx, body)
	var answer statusError
	if errors.As(err, &answer) && answer.status == http.StatusUnprocessableEntity && u.offset > 0 && !u.anew {
		u.anew, u.offset = true, 0
		return true, answer
	}
	return moved, err
}

func (u *upload) query() url.Values {
	return url.Values{"size": {strconv.FormatInt(u.size, 10)}}
}

// ask says whether the host has it, and else how much of it.
func (u *upload) ask(ctx context.Context) (whole bool, err error) {
	watched, _, end := watch(ctx, u.Stall)
	defer end()
	r, err := u.request(watched, http.MethodHead, u.query(), "uploads", u.digest)
	if err != nil {
		return false, err
	}
	resp, err := u.send(r, http.StatusOK)
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	if resp.Header.Get(completeHeader) == yes {
		return true, nil
	}
	offset := number(resp.Header.Get(offsetHeader))
	if offset < 0 {
		return false, refused(u.Name, http.StatusNotFound, "it does not say how much of the upload it has")
	}
	if offset > u.size { // somebody declared another size: the host begins anew
		offset = 0
	}
	u.offset = offset
	return false, nil
}

// patch sends the rest.
func (u *upload) patch(ctx context.Context, rest io.Reader) error {
	watched, alive, end := watch(ctx, u.Stall)
	defer end()
	r, err := u.request(watched, http.MethodPatch, u.query(), "uploads", u.digest)
	if err != nil {
		return err
	}
	r.Header.Set(offsetHeader, strconv.FormatInt(u.offset, 10))
	if r.ContentLength = u.size - u.offset; r.ContentLength == 0 {
		alive(verifying * u.Stall)
	} else {
		body := &told{r: rest, done: u.offset, seen: func(done int64) {
			patience := u.Stall
			if done == u.size {
				patience *= verifying
			}
			alive(patience)
			u.Progress(u.digest, done, u.size)
		}}
		defer body.end()
		r.Body = io.NopCloser(body)
		r.Header.Set("Expect", "100-continue") // a refusal comes before the bytes, and is not lost among them
	}
	resp, err := u.send(r, http.StatusOK, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return fmt.Errorf("host %s: the upload broke off at %.20s of %d bytes", u.Name, resp.Header.Get(offsetHeader), u.size)
	}
	return nil
}

// told tells how much of it was read, until it ends: the transport may read on after an answer that came early.
type told struct {
	mu   sync.Mutex
	r    io.Reader // nil: it has ended
	done int64
	seen func(done int64)
}

// Read implements io.Reader.
func (t *told) Read(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.r == nil {
		return 0, errors.New("this request is over")
	}
	n, err := t.r.Read(b)
	if n > 0 {
		t.done += int64(n)
		t.seen(t.done)
	}
	return n, err
}

// end waits for a Read under way.
func (t *told) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r = nil
}
