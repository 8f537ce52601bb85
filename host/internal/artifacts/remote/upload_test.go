package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// TestUpload: what was put is at the host afterwards; what is there already is not sent.
func TestUpload(t *testing.T) {
	t.Parallel()
	var sent []string
	f := start(t, setup{between: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent = append(sent, r.Method)
			next.ServeHTTP(w, r)
		})
	}})
	known := put(t, f.store, []byte("known"))
	put(t, f.host, []byte("known"))
	var digests []string
	for _, n := range []int{0, 1, 1<<20 + 1} {
		digests = append(digests, put(t, f.store, noise(n, 9)))
	}
	if err := f.store.Upload(t.Context(), append(digests, known)...); err != nil {
		t.Fatal(err)
	}
	for _, d := range digests {
		if !has(t, f.host, d) {
			t.Errorf("%s is not at the host", d)
		}
	}
	if got := strings.Join(sent, " "); got != "HEAD PATCH HEAD PATCH HEAD PATCH HEAD" {
		t.Errorf("requests: %s", got)
	}
	if left := files(t, f.uploads); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestUploadBreaks: an upload goes on where the host is, through broken lines and a host that is away.
func TestUploadBreaks(t *testing.T) {
	t.Parallel()
	const size = 2_000_000
	var offsets []string
	round := 0
	var highest int64
	f := start(t, setup{config: func(c *remote.Config) { c.Progress = func(_ string, done, _ int64) { highest = max(highest, done) } },
		between: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if round++; round%5 == 1 {
					http.Error(w, "starting", http.StatusServiceUnavailable)
					return
				}
				if r.Method == http.MethodPatch {
					offsets = append(offsets, r.Header.Get("Upload-Offset"))
					if len(offsets) < 4 { // what comes after half a million bytes is lost with the connection
						r.Body = io.NopCloser(io.LimitReader(r.Body, 500_000))
						r.ContentLength = -1
					}
				}
				next.ServeHTTP(w, r)
			})
		}})
	data := noise(size, 4)
	d := put(t, f.store, data)
	if err := f.store.Upload(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if !has(t, f.host, d) || !slices.Equal(offsets, []string{"0", "500000", "1000000", "1500000"}) || highest != size {
		t.Errorf("continued at %v, progress to %d", offsets, highest)
	}
}

// TestUploadOntoDamage: what the host has of it and is wrong is forgotten, and the upload begun anew, once.
func TestUploadOntoDamage(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	data := noise(100_000, 5)
	d := put(t, f.store, data)
	for _, half := range [][]byte{bytes.Repeat([]byte{1}, 50_000), bytes.Repeat([]byte{1}, 200_000)} {
		if err := os.WriteFile(filepath.Join(f.uploads, d[7:]), half, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.store.Upload(t.Context(), d); err != nil || !has(t, f.host, d) {
			t.Fatal(err)
		}
		if err := os.Remove(blob(f.root, d)); err != nil {
			t.Fatal(err)
		}
	}
	path := blob(filepath.Join(f.folder, "local"), d) // now it is ours that is damaged
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, make([]byte, 100_000), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := f.store.Upload(t.Context(), d); err == nil || !strings.Contains(err.Error(), "not what the digest says") {
		t.Errorf("damaged here: %v", err)
	}
}

// TestUploadRefused: a refusal that lasts is not tried again, and says what to do.
func TestUploadRefused(t *testing.T) {
	t.Parallel()
	for status, says := range map[int]string{401: "token", 403: "token", 507: "free space", 413: "too large", 400: "bad"} {
		asked := 0
		f := start(t, setup{between: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPatch || status < 404 && status != 400 {
					asked++
					http.Error(w, "too large, bad", status)
					return
				}
				w.Header().Set("Upload-Offset", "0")
			})
		}})
		d := put(t, f.store, []byte("x"))
		err := f.store.Upload(t.Context(), d)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), d) || asked != 1 {
			t.Errorf("%d: %v after %d requests", status, err, asked)
		}
	}
	f := start(t, setup{})
	if err := f.store.Upload(t.Context(), digestOf([]byte("not here"))); !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("not here: %v", err)
	}
	if err := f.store.Upload(t.Context(), "sha256:../x"); !errors.Is(err, artifacts.ErrDigest) {
		t.Errorf("no digest: %v", err)
	}
	bad := f.forHost(t, "host_c", "redis://nowhere", nil)
	if err := bad.Upload(t.Context(), put(t, bad, []byte("y"))); err == nil || !strings.Contains(err.Error(), "redis://nowhere") {
		t.Errorf("no URL: %v", err)
	}
}

// TestUploadEnds: it tries until its context ends, and says both why it ended and what was wrong.
func TestUploadEnds(t *testing.T) {
	t.Parallel()
	f := start(t, setup{between: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) })
	}})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the agent stops")
	waits := 0
	f.store.Hasten(func(int) {
		if waits++; waits == 50 {
			cancel(why)
		}
	})
	err := f.store.Upload(ctx, put(t, f.store, []byte("x")))
	if !errors.Is(err, why) || !strings.Contains(err.Error(), "502") || waits != 50 {
		t.Errorf("%v after %d waits", err, waits)
	}
}

// ahead is a transport that gives the first upload up while somebody reads its body, as net/http does when an answer
// comes early.
type ahead struct {
	next    http.RoundTripper
	reading chan struct{} // closed once somebody reads
	again   chan struct{} // closed when the upload is continued
	readers sync.WaitGroup
	uploads int
}

func (a *ahead) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPatch {
		return a.next.RoundTrip(r)
	}
	if a.uploads++; a.uploads > 1 {
		close(a.again)
		return a.next.RoundTrip(r)
	}
	a.readers.Go(func() { _, _ = io.Copy(io.Discard, r.Body) })
	<-a.reading
	return nil, errors.New("the line broke")
}

// TestReadAhead: an upload does not go on while progress of an earlier request is still told.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	line := &ahead{next: http.DefaultTransport, reading: make(chan struct{}), again: make(chan struct{})}
	told := 0
	f := start(t, setup{config: func(c *remote.Config) {
		c.Client = &http.Client{Transport: line}
		c.Progress = func(string, int64, int64) {
			if told++; told > 1 {
				return
			}
			close(line.reading)
			select {
			case <-line.again:
				t.Error("it was continued meanwhile")
			case <-time.After(200 * time.Millisecond):
			}
		}
	}})
	d := put(t, f.store, noise(1000, 6))
	if err := f.store.Upload(t.Context(), d); err != nil || !has(t, f.host, d) || told != 2 {
		t.Errorf("%v, progress %d times", err, told)
	}
	line.readers.Wait()
}

// direct carries requests to a handler without a network, and lets one that uploads wait for that long.
type direct struct {
	handler http.Handler
	busy    time.Duration
	asked   int
}

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		d.asked++
		select {
		case <-time.After(d.busy):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestVerifyingTakesTime: a host that has every byte and verifies them is waited for longer than one that is silent,
// and not for ever.
func TestVerifyingTakesTime(t *testing.T) {
	t.Parallel()
	for busy, want := range map[time.Duration]int{9 * time.Minute: 1, 11 * time.Minute: 3} {
		line := &direct{busy: busy}
		f := start(t, setup{config: func(c *remote.Config) {
			c.Client, c.Stall = &http.Client{Transport: line}, time.Minute
		}})
		line.handler = f.handler
		data := noise(100_000, 1)
		d := put(t, f.store, data)
		if err := os.WriteFile(filepath.Join(f.uploads, d[7:]), data, 0o600); err != nil { // all there when the host died
			t.Fatal(err)
		}
		f.store.Hasten(func(int) {
			if line.asked == 2 {
				line.busy = 0
			}
		})
		synctest.Test(t, func(t *testing.T) {
			if err := f.store.Upload(t.Context(), d); err != nil || line.asked != want {
				t.Errorf("busy for %v: %v after %d requests, want %d", busy, err, line.asked, want)
			}
		})
		if !has(t, f.host, d) {
			t.Errorf("busy for %v: it is not there", busy)
		}
	}
}
