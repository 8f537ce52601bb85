package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Source is where a file comes from. An error that trying again does not mend is a lasting one; see Gone.
type Source interface {
	// Open gives the bytes from an offset on, or all of them where it cannot begin there.
	Open(ctx context.Context, offset int64) (Stream, error)
}

// Stream is the rest of a file.
type Stream struct {
	Body   io.ReadCloser
	Offset int64  // where Body begins
	Size   int64  // of the whole file
	Digest string // of the whole file; empty: the source does not say
}

// Gone makes an error one that trying again does not mend.
func Gone(err error) error { return lasting{err} }

const digestHeader = "Model-Digest"

// HTTP is a file on a web server, or at a host.
type HTTP struct {
	Client *http.Client
	// Request gives the address, and a token to go with it or nothing. It is asked each time.
	Request func(ctx context.Context) (address, token string, err error)
	// Wait is how long the server may take to begin.
	Wait time.Duration
	// Refused says of an error that no other try mends it; nil: of none.
	Refused func(error) bool
}

// Open implements Source.
func (h HTTP) Open(ctx context.Context, offset int64) (Stream, error) {
	address, token, err := h.Request(ctx)
	if err != nil {
		return Stream{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return Stream{}, Gone(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	if offset > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	late := time.AfterFunc(h.Wait, func() { cancel(fmt.Errorf("%s has not begun to answer within %s", r.URL.Host, h.Wait)) })
	resp, err := h.Client.Do(r)
	late.Stop()
	if err == nil {
		var s Stream
		if s, err = answered(resp, offset); err == nil {
			s.Body = closing{resp.Body, func() { cancel(nil) }}
			return s, nil
		}
		resp.Body.Close()
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var at *url.Error
	if errors.As(err, &at) { // it has the whole URL, which may hold a key
		err = fmt.Errorf("%s: %w", r.URL.Host, at.Err)
	}
	cancel(nil)
	if h.Refused != nil && h.Refused(err) {
		err = Gone(err)
	}
	return Stream{}, err
}

// closing ends a request with its body.
type closing struct {
	io.ReadCloser

	end func()
}

// Close implements io.Closer.
func (c closing) Close() error {
	c.end()
	return c.ReadCloser.Close()
}

// answered reads where the bytes begin, and how many there are in all.
func answered(resp *http.Response, offset int64) (Stream, error) {
	s := Stream{Digest: resp.Header.Get(digestHeader)}
	host := resp.Request.URL.Host
	span, size, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "/")
	total, sized := strconv.ParseInt(size, 10, 64)
	switch status := resp.StatusCode; {
	case status == http.StatusOK && resp.ContentLength < 0:
		return s, Gone(fmt.Errorf("%s does not say how large the file is, so nobody can tell whether it fits", host))
	case status == http.StatusOK:
		s.Size = resp.ContentLength
		return s, nil
	case status == http.StatusPartialContent:
		first, _, _ := strings.Cut(span, "-")
		at, err := strconv.ParseInt(first, 10, 64)
		if err != nil || sized != nil || at < 0 || total < at || resp.ContentLength >= 0 && resp.ContentLength != total-at {
			return s, Gone(fmt.Errorf("%s answers with a range that cannot be: %.80q", host, resp.Header.Get("Content-Range")))
		}
		s.Offset, s.Size = at, total
		return s, nil
	case status == http.StatusRequestedRangeNotSatisfiable && sized == nil: // all of it is here, or more than all
		s.Offset, s.Size = offset, total
		return s, nil
	default:
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		text, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
		if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") || text == "" {
			text = http.StatusText(status)
		}
		err := fmt.Errorf("%s answers %d: %s", host, status, text)
		if status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests && status != http.StatusConflict {
			err = Gone(err)
		}
		return s, err
	}
}

// Open gives a file of this machine from an offset on, as Source does. It works out its digest when nobody has before.
func (l *Library) Open(ctx context.Context, name string, offset int64) (Stream, error) {
	digest, err := l.Digest(ctx, name)
	if err != nil {
		return Stream{}, err
	}
	f, _ := l.file(name)
	in, err := os.Open(f.path)
	if err != nil {
		return Stream{}, err
	}
	_, err = in.Seek(offset, io.SeekStart)
	if err == nil && offset > f.Size {
		err = fmt.Errorf("%s has %d bytes, so it does not go on at %d", name, f.Size, offset)
	}
	if err != nil {
		in.Close()
		return Stream{}, err
	}
	return Stream{Body: in, Offset: offset, Size: f.Size, Digest: digest}, nil
}

// Send brings a file, from an offset on, to a host that has asked for it, at the address that Sending.Path leads to.
func (l *Library) Send(ctx context.Context, client *http.Client, address, token, name string, offset int64) error {
	s, failed := l.Open(ctx, name, offset)
	if failed != nil {
		s = Stream{Body: http.NoBody}
	}
	defer s.Body.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, address, io.NopCloser(s.Body))
	if err != nil {
		return errors.Join(failed, err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.ContentLength = s.Size - s.Offset
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set(sizeHeader, strconv.FormatInt(s.Size, 10))
	r.Header.Set(digestHeader, s.Digest)
	if failed != nil {
		r.Header.Set(errorHeader, strings.Join(strings.Fields(failed.Error()), " "))
	}
	resp, err := client.Do(r)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("send model %s: %w", name, err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent && failed == nil {
		failed = fmt.Errorf("send model %s: the host answers %s", name, resp.Status)
	}
	return failed
}
