package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Upload is a file on its way to the host.
type Upload struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Size   int64  `json:"size"`   // bytes of the whole file
	Offset int64  `json:"offset"` // how many of them the host has
	// Expires is when the host forgets it; each piece puts that off.
	Expires time.Time `json:"expires"`
	// Artifact is what it became, once it is whole.
	Artifact *sdk.Artifact `json:"artifact,omitempty"`
}

// UploadList are uploads that a user has begun.
type UploadList struct {
	Version int      `json:"version"`
	Uploads []Upload `json:"uploads"`
}

const (
	// resumable is above how many bytes a file goes in a way that can be continued.
	resumable = 8 << 20
	// attempts is how often an upload is tried without getting further.
	attempts = 9
)

// file is what can be read again from anywhere.
type file interface {
	io.ReaderAt
	io.Seeker
}

// rest is what is still to be read of a file; ok is whether that is known.
func rest(r io.Reader) (s *io.SectionReader, ok bool) {
	f, ok := r.(file)
	if !ok {
		return nil, false
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false
	}
	_, err = f.Seek(at, io.SeekStart)
	return io.NewSectionReader(f, at, end-at), err == nil
}

// Uploads lists the files that you have begun to upload.
func (c *Client) Uploads(ctx context.Context) (l UploadList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/uploads", nil, &l)
}

// ShowUpload says how far an upload is.
func (c *Client) ShowUpload(ctx context.Context, id string) (u Upload, err error) {
	return u, c.call(ctx, http.MethodGet, uploadPath(id), nil, &u)
}

// BeginUpload begins an upload of so many bytes.
func (c *Client) BeginUpload(ctx context.Context, name, mediaType string, size int64) (u Upload, err error) {
	coded := base64.StdEncoding.EncodeToString
	res, err := c.tus(ctx, http.MethodPost, "/api/v1/uploads", nil, "Upload-Length", strconv.FormatInt(size, 10),
		"Upload-Metadata", "filename "+coded([]byte(name))+",filetype "+coded([]byte(mediaType)))
	if err != nil {
		return u, err
	}
	defer res.Body.Close()
	return u, read(res, &u)
}

// ContinueUpload sends what r has, which continues the upload at offset.
func (c *Client) ContinueUpload(ctx context.Context, id string, offset int64, r io.Reader) error {
	res, err := c.tus(ctx, http.MethodPatch, uploadPath(id), r, "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.FormatInt(offset, 10))
	if err == nil {
		err = res.Body.Close()
	}
	return err
}

// EndUpload forgets an upload. What it became stays.
func (c *Client) EndUpload(ctx context.Context, id string) error {
	res, err := c.tus(ctx, http.MethodDelete, uploadPath(id), nil)
	if err == nil {
		err = res.Body.Close()
	}
	return err
}

func uploadPath(id string) string { return "/api/v1/uploads/" + url.PathEscape(id) }

// tus sends a request of the tus protocol; headers are names and values.
func (c *Client) tus(ctx context.Context, method, path string, body io.Reader, headers ...string) (*http.Response, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if s, ok := body.(*io.SectionReader); ok {
		if req.ContentLength = s.Size(); s.Size() == 0 {
			req.Body = http.NoBody
		}
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	return succeeded(c.http.Do(req))
}

// source is a file whose digest is made as it is read, whoever reads which piece again.
type source struct {
	*io.SectionReader

	mu     sync.Mutex
	sum    hash.Hash
	hashed int64
}

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.SectionReader.ReadAt(b, at)
	s.mu.Lock()
	defer s.mu.Unlock()
	if end := at + int64(n); at <= s.hashed && s.hashed < end {
		s.sum.Write(b[s.hashed-at : n])
		s.hashed = end
	}
	return n, err
}

func (s *source) digest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "sha256:" + hex.EncodeToString(s.sum.Sum(nil))
}

// uploadLarge sends a file, and goes on where it broke off.
func (c *Client) uploadLarge(ctx context.Context, name, mediaType string, r *io.SectionReader) (sdk.Artifact, error) {
	from, u := &source{SectionReader: r, sum: sha256.New()}, Upload{}
	for tries, best := 0, int64(0); ; tries++ {
		a, err := c.sendRest(ctx, &u, name, mediaType, from)
		switch {
		case err == nil && a.Digest != from.digest():
			return sdk.Artifact{}, fmt.Errorf("upload %s: the host got other bytes (%s): was the file written to meanwhile? send it again", name, a.Digest)
		case err == nil:
			return a, nil
		case ctx.Err() != nil:
			return a, fmt.Errorf("upload %s: %w", name, context.Cause(ctx))
		case !passing(err):
			return a, err
		case u.Offset > best:
			tries, best = 0, u.Offset
		case tries == attempts-1:
			return a, fmt.Errorf("upload %s: it broke off %d times at %d of %d bytes: %w", name, attempts, u.Offset, r.Size(), err)
		}
		if err := c.pause(ctx, tries); err != nil {
			return a, fmt.Errorf("upload %s: %w", name, err)
		}
	}
}

// sendRest asks how far an upload is, and sends what is missing.
func (c *Client) sendRest(ctx context.Context, u *Upload, name, mediaType string, r *source) (a sdk.Artifact, err error) {
	var now Upload
	if u.ID == "" {
		now, err = c.BeginUpload(ctx, name, mediaType, r.Size())
	} else {
		now, err = c.ShowUpload(ctx, u.ID)
	}
	if err == nil {
		*u = now
	}
	if err == nil && u.Artifact == nil {
		if err = c.ContinueUpload(ctx, u.ID, u.Offset, io.NewSectionReader(r, u.Offset, r.Size()-u.Offset)); err == nil {
			now, err = c.ShowUpload(ctx, u.ID)
		}
	}
	if err == nil && now.Artifact == nil {
		err = errors.New("the host has not all of it")
	}
	if err != nil {
		return a, err
	}
	return *now.Artifact, nil
}

// passing says whether an error may be gone the next time.
func passing(err error) bool {
	p := (*Problem)(nil)
	if !errors.As(err, &p) {
		return true
	}
	switch p.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// wait lets time pass before something is tried once more.
func wait(ctx context.Context, tries int) error {
	t := time.NewTimer(min(250*time.Millisecond<<tries, 10*time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
