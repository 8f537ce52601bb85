package api

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // tus wants it
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk/client"
)

const (
	spoken = "Tus-Resumable: 1.0.0"
	piece  = "Content-Type: application/offset+octet-stream"
)

func coded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// begin begins an upload and gives its path.
func (b *bench) begin(t *testing.T, size int, headers ...string) string {
	t.Helper()
	a := b.post(t, "/api/v1/uploads", "", append(headers, spoken, fmt.Sprintf("Upload-Length: %d", size))...)
	if a.status != 201 || a.header.Get("Tus-Resumable") != "1.0.0" || a.header.Get("Upload-Expires") == "" {
		t.Fatalf("got %+v", a)
	}
	return a.header.Get("Location")
}

func (b *bench) patch(t *testing.T, path string, offset int, text string, headers ...string) answer {
	t.Helper()
	return b.ask(t, "PATCH", path, strings.NewReader(text), append(headers, spoken, piece, fmt.Sprintf("Upload-Offset: %d", offset))...)
}

// TestTus speaks the protocol as its clients do.
func TestTus(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	o := b.ask(t, "OPTIONS", "/api/v1/uploads", nil).header
	for name, want := range map[string]string{"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Extension": "creation,expiration,checksum,termination", "Tus-Max-Size": "17179869184", "Tus-Checksum-Algorithm": "sha1,sha256"} {
		if o.Get(name) != want {
			t.Errorf("%s: got %s", name, o.Get(name))
		}
	}
	meta := "filename " + coded("../my film.txt") + ",filetype " + coded("text/markdown") + ",is_it"
	path := b.begin(t, 10, "Upload-Metadata: "+meta)
	look := func(offset string) answer {
		t.Helper()
		a := b.ask(t, "HEAD", path, nil, spoken)
		if h := a.header; a.status != 200 || h.Get("Upload-Offset") != offset || h.Get("Upload-Length") != "10" || h.Get("Upload-Metadata") != meta || h.Get("Cache-Control") != "no-store" || h.Get("Tus-Resumable") != "1.0.0" {
			t.Errorf("got %+v", a)
		}
		return a
	}
	look("0")
	if a := b.patch(t, path, 0, "01234"); a.status != 204 || a.header.Get("Upload-Offset") != "5" || a.header.Get("Upload-Expires") == "" {
		t.Errorf("got %+v", a)
	}
	look("5")
	if a := b.patch(t, path, 3, "x"); a.header.Get("Upload-Offset") != "5" {
		t.Errorf("got %+v", a)
	} else {
		a.problem(t, 409, client.CodeConflict, "5 bytes")
	}
	b.patch(t, path, 5, "5xx", "Upload-Checksum: sha1 "+coded("wrong")).problem(t, 460, client.CodeBadRequest, "checksum")
	look("5")
	b.patch(t, path, 5, "56789x").problem(t, 413, client.CodeTooLarge, "declared")
	if a := b.ask(t, "PATCH", path, io.MultiReader(strings.NewReader("56")), spoken, piece, "Upload-Offset: 5"); a.status != 204 { // in chunks
		t.Errorf("got %+v", a)
	}
	sum := sha1.Sum([]byte("7"))
	if a := b.patch(t, path, 7, "7", "Upload-Checksum: sha1 "+coded(string(sum[:]))); a.status != 204 || a.header.Get("Upload-Offset") != "8" {
		t.Errorf("got %+v", a)
	}
	if a := b.patch(t, path, 8, "89", "Upload-Checksum: sha256 "+sum256("89")); a.status != 204 || a.header.Get("Upload-Offset") != "10" {
		t.Errorf("got %+v", a)
	}
	look("10")
	var up client.Upload
	b.get(t, path).into(t, &up)
	if a := up.Artifact; a == nil || a.Digest != digestOf("0123456789") || a.Name != "my film.txt" || a.MediaType != "text/markdown" || a.Size != 10 {
		t.Fatalf("got %+v", up)
	}
	if got := b.get(t, "/api/v1/artifacts/"+up.Artifact.Digest); got.body != "0123456789" {
		t.Errorf("got %+v", got)
	}
	if a := b.ask(t, "DELETE", path, nil, spoken); a.status != 204 {
		t.Errorf("got %+v", a)
	}
	b.get(t, path).problem(t, 404, client.CodeNotFound, "no such upload")
	if got := b.get(t, "/api/v1/artifacts/"+up.Artifact.Digest); got.body != "0123456789" {
		t.Errorf("got %+v", got)
	}
}

func TestTusRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	path := b.begin(t, 10)
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
		code, detail string
	}{
		"no version":        {"POST", "/api/v1/uploads", []string{"Upload-Length: 1"}, 412, client.CodeBadRequest, "version"},
		"another version":   {"PATCH", path, []string{"Tus-Resumable: 0.2.2", piece, "Upload-Offset: 0"}, 412, client.CodeBadRequest, "0.2.2"},
		"no length":         {"POST", "/api/v1/uploads", []string{spoken}, 400, client.CodeBadRequest, "Upload-Length"},
		"a later length":    {"POST", "/api/v1/uploads", []string{spoken, "Upload-Defer-Length: 1"}, 400, client.CodeBadRequest, "Upload-Length"},
		"a bad length":      {"POST", "/api/v1/uploads", []string{spoken, "Upload-Length: -1"}, 400, client.CodeBadRequest, "-1"},
		"a huge length":     {"POST", "/api/v1/uploads", []string{spoken, "Upload-Length: 9223372036854775807"}, 413, client.CodeTooLarge, "16 GiB"},
		"an endless length": {"POST", "/api/v1/uploads", []string{spoken, "Upload-Length: 99999999999999999999"}, 400, client.CodeBadRequest, "Upload-Length"},
		"bad metadata":      {"POST", "/api/v1/uploads", []string{spoken, "Upload-Length: 1", "Upload-Metadata: filename ***"}, 400, client.CodeBadRequest, "base64"},
		"no type":           {"PATCH", path, []string{spoken, "Upload-Offset: 0"}, 415, client.CodeUnsupported, ""},
		"another type":      {"PATCH", path, []string{spoken, "Upload-Offset: 0", "Content-Type: text/plain"}, 415, client.CodeUnsupported, "text/plain"},
		"no offset":         {"PATCH", path, []string{spoken, piece}, 400, client.CodeBadRequest, "Upload-Offset"},
		"a bad offset":      {"PATCH", path, []string{spoken, piece, "Upload-Offset: -1"}, 400, client.CodeBadRequest, "-1"},
		"another checksum":  {"PATCH", path, []string{spoken, piece, "Upload-Offset: 0", "Upload-Checksum: md5 eA=="}, 400, client.CodeBadRequest, "md5"},
		"a bad checksum":    {"PATCH", path, []string{spoken, piece, "Upload-Offset: 0", "Upload-Checksum: sha1"}, 460, client.CodeBadRequest, "checksum"},
		"unknown":           {"PATCH", "/api/v1/uploads/" + strings.Repeat("A", 26), []string{spoken, piece, "Upload-Offset: 0"}, 404, client.CodeNotFound, ""},
		"a path":            {"DELETE", "/api/v1/uploads/..%2F..%2Fspinbot.db", []string{spoken}, 404, client.CodeNotFound, ""},
		"NUL":               {"GET", "/api/v1/uploads/%00", nil, 404, client.CodeNotFound, ""},
		"a long one":        {"GET", "/api/v1/uploads/" + strings.Repeat("A", 4096), nil, 404, client.CodeNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.ask(t, c.method, c.path, strings.NewReader("x"), c.headers...).problem(t, c.status, c.code, c.detail)
		})
	}
}

// TestUploadNames: they are hints here as elsewhere, and what is sensitive in them is kept nowhere.
func TestUploadNames(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for name, want := range map[string]string{"../../etc/passwd": "passwd", "a\x00b": "ab", "..": "", "hunter2.txt": "•••.txt", strings.Repeat("x", 4096): strings.Repeat("x", 1024)} {
		path := b.begin(t, 0, "Upload-Metadata: filename "+coded(name))
		a := b.get(t, path)
		var up client.Upload
		a.into(t, &up)
		if len(up.Name) != min(len(want), len(up.Name)) || !strings.HasPrefix(want, up.Name) || up.Artifact == nil || up.Artifact.Name != up.Name || (want == "") != (up.Name == "") {
			t.Errorf("%.40q: got %+v", name, up)
		}
		if strings.Contains(a.body+a.header.Get("Upload-Metadata"), coded("hunter2.txt")) || strings.Contains(a.body, "hunter2") {
			t.Errorf("got %+v", a)
		}
	}
}

// TestUploadsAreTheirOwners: nobody sees, continues or ends another's.
func TestUploadsAreTheirOwners(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	path := b.begin(t, 10) // by "local"
	as := "Authorization: Bearer " + b.token(t, "operator")
	b.get(t, path, as).problem(t, 404, client.CodeNotFound, "")
	b.patch(t, path, 0, "x", as).problem(t, 404, client.CodeNotFound, "")
	b.ask(t, "DELETE", path, nil, as, spoken).problem(t, 404, client.CodeNotFound, "")
	var list client.UploadList
	if b.get(t, "/api/v1/uploads", as).into(t, &list); len(list.Uploads) != 0 {
		t.Errorf("got %+v", list)
	}
	if list, err := b.unix.Uploads(t.Context()); err != nil || len(list.Uploads) != 1 || list.Uploads[0].Size != 10 || !strings.HasSuffix(path, list.Uploads[0].ID) {
		t.Errorf("got %+v %v", list, err)
	}
	for range uploads.MaxCount - 1 {
		b.unix.BeginUpload(t.Context(), "x", "", 1)
	}
	var p *client.Problem
	if _, err := b.unix.BeginUpload(t.Context(), "x", "", 1); !errors.As(err, &p) || p.Status != 429 {
		t.Errorf("got %v", err)
	}
}

// TestPieceBreaksOff: what came of it stays, and the next piece goes on there.
func TestPieceBreaksOff(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	text := strings.Repeat("0123456789", 30_000)
	path := b.begin(t, len(text))
	c := b.dial(t)
	c.write(t, fmt.Sprintf("PATCH %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s\r\nUpload-Offset: 0\r\nContent-Length: %d\r\n\r\n%s", path, spoken, piece, len(text), text[:100_000]))
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.answer(t, "PATCH").problem(t, 400, client.CodeBadRequest, "broke off")
	c.atEnd(t)
	var up client.Upload
	if b.get(t, path).into(t, &up); up.Offset != 100_000 {
		t.Fatalf("got %+v", up)
	}
	if a := b.patch(t, path, 100_000, text[100_000:]); a.status != 204 {
		t.Fatalf("got %+v", a)
	}
	if b.get(t, path).into(t, &up); up.Artifact == nil || up.Artifact.Digest != digestOf(text) {
		t.Errorf("got %+v", up)
	}
}

// cutting lets so many bytes of each connection through.
type cutting struct {
	net.Conn
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		c.Close()
		return 0, errors.New("the line was cut")
	}
	return c.Conn.Write(b)
}

// TestUploadOverBadLine: the client goes on until all of a large file is there.
func TestUploadOverBadLine(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var lines atomic.Int32
	over := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		lines.Add(1)
		return &cutting{c, 7 << 20}, err
	}}}
	defer over.CloseIdleConnections()
	film := bytes.Repeat([]byte("0123456789abcdef"), 20<<16) // 20 MiB
	a, err := client.New(b.url, over).Upload(t.Context(), "film.txt", "", bytes.NewReader(film))
	if err != nil || a.Digest != digestOf(string(film)) || a.Name != "film.txt" || a.Size != int64(len(film)) {
		t.Fatalf("got %+v %v", a, err)
	}
	if lines.Load() < 5 {
		t.Errorf("only %d lines: none was cut", lines.Load())
	}
	if list, err := b.unix.Uploads(t.Context()); err != nil || len(list.Uploads) != 1 {
		t.Errorf("it went another way: %+v %v", list, err)
	}
}
