package remote_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// TestSilentUploadIsTold: one that sends less than it said, and nothing more, hears why it is cut off and where to
// continue; its connection ends.
func TestSilentUploadIsTold(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Idle = 20 * time.Millisecond }})
	d := digestOf([]byte("hello"))
	in := dialed(t, f.url, "PATCH %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nUpload-Offset: 0\r\nContent-Length: 5\r\n\r\nhe", upload(d, 5), token)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusRequestTimeout || resp.Header.Get("Upload-Offset") != "2" || !strings.Contains(string(said), "too slow") {
		t.Errorf("%d %v %s, %v", resp.StatusCode, resp.Header, said, err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection goes on: %v", err)
	}
}

// dialed sends the text to the server, and gives what comes back.
func dialed(t *testing.T, base, format string, args ...any) *bufio.Reader {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, format, args...); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

// line is a connection as a handler sees it: a piece comes each second, and what comes too late is a timeout.
type line struct {
	*httptest.ResponseRecorder
	body     *bytes.Reader
	piece    int
	deadline time.Time
}

func (l *line) SetReadDeadline(at time.Time) error {
	l.deadline = at
	return nil
}

func (l *line) Read(b []byte) (int, error) {
	next := time.Now().Add(time.Second)
	if !l.deadline.IsZero() && l.deadline.Before(next) {
		time.Sleep(time.Until(l.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(time.Until(next))
	return l.body.Read(b[:min(len(b), l.piece)])
}

// TestDrip: single bytes do not buy an upload more time; a slow line that gets on has all the time it needs, and once an
// upload is whole, nothing hurries its verification.
func TestDrip(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Idle = 30 * time.Second }})
	for _, c := range []struct{ size, piece, status, offset int }{
		{1000, 1, http.StatusRequestTimeout, 30},
		{1000, 50, http.StatusCreated, 1000},
		{100_000, 500, http.StatusRequestTimeout, 15_000},
		{100_000, 600, http.StatusCreated, 100_000},
	} {
		synctest.Test(t, func(t *testing.T) {
			data := noise(c.size, uint64(c.piece))
			l := &line{httptest.NewRecorder(), bytes.NewReader(data), c.piece, time.Time{}}
			r := httptest.NewRequestWithContext(t.Context(), "PATCH", upload(digestOf(data), c.size), l)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Upload-Offset", "0")
			f.handler.ServeHTTP(l, r)
			if got := l.Header().Get("Upload-Offset"); l.Code != c.status || got != fmt.Sprint(c.offset) {
				t.Errorf("%d bytes a second: %d at %s, want %d at %d: %s", c.piece, l.Code, got, c.status, c.offset, l.Body)
			}
			if l.Code == http.StatusCreated && !l.deadline.IsZero() {
				t.Errorf("%d bytes a second: verified in a hurry", c.piece)
			}
		})
	}
}

// TestStalledReader: who asks for bytes and does not read them is cut off.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	f := start(t, setup{
		handler: func(c *remote.HandlerConfig) { c.Idle = 50 * time.Millisecond },
		between: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				next.ServeHTTP(w, r)
			})
		}})
	d := put(t, f.host, noise(32<<20, 1)) // more than the kernel buffers
	dialed(t, f.url, "GET /artifacts/%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", d, token)
	select {
	case <-ended:
	case <-time.After(60 * time.Second):
		t.Error("it is still being served")
	}
}

// written notes the deadlines for writing that a handler sets.
type written struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *written) SetWriteDeadline(at time.Time) error {
	w.deadlines = append(w.deadlines, at)
	return nil
}

// TestNextRequest: the time that one answer may take is not that of the next one on its connection.
func TestNextRequest(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	w := &written{ResponseRecorder: httptest.NewRecorder()}
	d := put(t, f.host, []byte("hello"))
	for _, c := range []struct {
		method, target string
		limited        bool
	}{{"GET", "/artifacts/" + d, true}, {"HEAD", upload(d, 5), false}} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		f.handler.ServeHTTP(w, r)
		if n := len(w.deadlines); n == 0 || w.deadlines[n-1].IsZero() == c.limited {
			t.Errorf("%s: deadlines %v, limited at the end: want %t", c.method, w.deadlines, c.limited)
		}
	}
	if w.Body.String() != "hello" {
		t.Errorf("%q", w.Body)
	}
}
