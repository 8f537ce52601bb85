package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// png is a picture as far as sniffing looks.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00"

// upload gives the artifact that the server answers with.
func (b *bench) upload(t *testing.T, query, body string, headers ...string) sdk.Artifact {
	t.Helper()
	a := b.post(t, "/api/v1/artifacts"+query, body, headers...)
	var v sdk.Values
	a.into(t, &v)
	got, ok := v["artifact"].(sdk.Artifact)
	if !ok || a.status != http.StatusCreated || got.Digest != digestOf(body) || got.Size != int64(len(body)) || got.Path != "" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	return got
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, body := range []string{"", "hello", strings.Repeat("0123456789", 500_000)} {
		a := b.upload(t, "?name=x.txt", body)
		got := b.get(t, "/api/v1/artifacts/"+a.Digest)
		if got.status != 200 || got.body != body || got.header.Get("Content-Length") != fmt.Sprint(len(body)) || got.header.Get("ETag") != `"`+a.Digest+`"` {
			t.Errorf("got %d %s, %d bytes", got.status, got.header, len(got.body))
		}
		if got := b.ask(t, "HEAD", "/api/v1/artifacts/"+a.Digest, nil); got.status != 200 || got.header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("HEAD: got %+v", got)
		}
		if got := b.get(t, "/api/v1/artifacts/"+strings.Replace(a.Digest, ":", "%3A", 1)); got.body != body {
			t.Errorf("a colon as browsers write it: got %d %.99s", got.status, got.body)
		}
	}
	// The client's way: in chunks, over the socket.
	a, err := b.unix.Upload(t.Context(), "x.txt", "", strings.NewReader("in chunks"))
	if err != nil || a.Digest != digestOf("in chunks") {
		t.Fatalf("got %+v, %v", a, err)
	}
	r, err := b.unix.Download(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "in chunks" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestDownloadRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.upload(t, "", "hello")
	for _, digest := range []string{digestOf("other"), strings.ToUpper(digestOf("hello")), "sha256:1", "md5:" + strings.Repeat("0", 64), "..%2F..%2Fetc%2Fpasswd", "x", "%00", "sha256:" + strings.Repeat("..%2F", 10)} {
		b.get(t, "/api/v1/artifacts/"+digest).problem(t, 404, client.CodeNotFound, "")
	}
}

// TestServedSafely: the type is told from the bytes, whatever the uploader said, and what a browser could run is not shown.
func TestServedSafely(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, c := range []struct{ body, kind string }{
		{png, "image/png"},
		{"plain words", "text/plain; charset=utf-8"},
		{"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wave"},
		{"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fB\x86webm", "video/webm"},
		{"<!DOCTYPE html><script>alert(1)</script>", ""},
		{"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>", "text/plain; charset=utf-8"},
		{"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", ""},
		{"%PDF-1.7", ""},
		{"\x00asm\x01\x00\x00\x00", ""},
		{"", "text/plain; charset=utf-8"},
	} {
		a := b.upload(t, "?name=x.html", c.body, "Content-Type: text/html")
		h := b.get(t, "/api/v1/artifacts/"+a.Digest).header
		want, disposition := c.kind, ""
		if want == "" {
			want, disposition = "application/octet-stream", "attachment"
		}
		if h.Get("Content-Type") != want || h.Get("Content-Disposition") != disposition {
			t.Errorf("%q: got %s", c.body, h)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%q: got %s", c.body, h)
		}
	}
}

// TestMediaType: a hint is believed where the bytes say nothing.
func TestMediaType(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, c := range []struct{ name, header, body, want string }{
		{"x.png", "image/gif", png, "image/png"},
		{"x.md", "", "# Title", "text/markdown"},
		{"x", "text/markdown; charset=utf-8", "# Title", "text/markdown"},
		{"x", "application/octet-stream", "# Title", "text/plain"},
		{"x", "no type", "# Title", "text/plain"},
	} {
		if a := b.upload(t, "?name="+c.name, c.body, "Content-Type: "+c.header); a.MediaType != c.want {
			t.Errorf("%+v: got %s", c, a.MediaType)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	long := strings.Repeat("ü", sdk.MaxName) + ".wav"
	for name, want := range map[string]string{
		"voice.wav": "voice.wav", "": "", ".": "", "..": "", "/": "", "a/../../x.txt": "x.txt", `C:\films\x.mp4`: "x.mp4", "/etc/": "etc", `\`: "",
		"a\nb\x00c.txt": "abc.txt", "\x1b[31mred": "[31mred", "\xffx": "_x", "ünï 日本 \"quoted\" <b>.txt": "ünï 日本 \"quoted\" <b>.txt", "\x01": "",
		"x+y&z=1%.txt": "x+y&z=1%.txt", long: strings.Repeat("ü", (sdk.MaxName-4)/2) + ".wav", "é" + strings.Repeat("x", sdk.MaxName-1): strings.Repeat("x", sdk.MaxName-1),
	} {
		got := b.upload(t, "?name="+url.QueryEscape(name), "x").Name
		if got != want || !utf8.ValidString(got) || len(got) > sdk.MaxName {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestUploadBreaksOff: nothing of it is kept, it is the client's doing, and the connection is not used again.
func TestUploadBreaksOff(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	half := strings.Repeat("x", 100_000)
	for name, head := range map[string]string{
		"counted":    "Content-Length: 200000\r\n\r\n" + half,
		"in chunks":  "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s", len(half)*2, half),
		"a bad size": "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\nzz\r\n", len(half), half),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.dial(t)
			c.write(t, "POST /api/v1/artifacts?name=x HTTP/1.1\r\nHost: localhost\r\n"+head)
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.answer(t, "POST").problem(t, 400, client.CodeBadRequest, "broke off")
			c.atEnd(t)
			b.get(t, "/api/v1/artifacts/"+digestOf(half)).problem(t, 404, client.CodeNotFound, "")
		})
	}
}

// form writes a multipart body; a part is name, file name (or "") and content.
func form(t *testing.T, parts ...[3]string) (body, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		create := w.CreateFormField
		if p[1] != "" {
			create = func(field string) (io.Writer, error) { return w.CreateFormFile(field, p[1]) }
		}
		part, err := create(p[0])
		if err == nil {
			_, err = io.WriteString(part, p[2])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String(), "Content-Type: " + w.FormDataContentType()
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	film := strings.Repeat("film", 100_000)
	body, kind := form(t, [3]string{"pipeline", "film.hcl", "pipeline {}"}, [3]string{"voice", `C:\v.wav`, film}, [3]string{"title", "", "A film"}, [3]string{"pipeline2", "", ""})
	for name, r := range map[string]io.Reader{"counted": strings.NewReader(body), "in chunks": io.MultiReader(strings.NewReader(body)), "more follows": strings.NewReader(body + "\r\nan epilogue")} {
		var run client.Run
		b.ask(t, "POST", "/api/v1/runs", r, kind).into(t, &run)
		got := b.runs.got[len(b.runs.got)-1]
		voice, _ := got.Inputs["voice"].(sdk.Artifact)
		if got.Pipeline.Name != "film.hcl" || got.Pipeline.Text != "pipeline {}" || got.Text["title"] != "A film" || len(got.Text) != 2 || voice.Digest != digestOf(film) || voice.Name != "v.wav" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	b.get(t, "/health")
}

func TestMultipartRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	good, kind := form(t, [3]string{"pipeline", "film.hcl", "x"}, [3]string{"voice", "v.wav", "la la"})
	none, noneKind := form(t, [3]string{"title", "", "x"})
	big, bigKind := form(t, [3]string{"pipeline", "", strings.Repeat("x", 1<<20+1)})
	many, manyKind := form(t, make([][3]string, 129)...)
	for name, c := range map[string]struct {
		body, kind   string
		status       int
		code, detail string
	}{
		"cut in a file":           {good[:strings.Index(good, "la la")+3], kind, 400, client.CodeBadRequest, "broke off"},
		"cut in text":             {good[:strings.Index(good, "x\r\n")+1], kind, 400, client.CodeBadRequest, "broke off"},
		"cut between":             {good[:strings.Index(good, "x\r\n")+3], kind, 400, client.CodeBadRequest, "broke off"},
		"cut in headers":          {good[:20], kind, 400, client.CodeBadRequest, "broke off"},
		"cut in its last headers": {good[:strings.Index(good, "voice")+3], kind, 400, client.CodeBadRequest, "broke off"},
		"cut behind them":         {good[:strings.Index(good, "la la")], kind, 400, client.CodeBadRequest, "broke off"},
		"empty":                   {"", kind, 400, client.CodeBadRequest, "broke off"},
		"no pipeline":             {none, noneKind, 400, client.CodeBadRequest, "no pipeline"},
		"too large":               {big, bigKind, 413, client.CodeTooLarge, "1 MiB"},
		"too many":                {many, manyKind, 400, client.CodeBadRequest, "128"},
		"no boundary":             {good, "Content-Type: multipart/form-data", 400, client.CodeBadRequest, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.post(t, "/api/v1/runs", c.body, c.kind).problem(t, c.status, c.code, c.detail)
		})
	}
	t.Cleanup(func() {
		if len(b.runs.told) > 0 {
			t.Errorf("the host was asked: %q", b.runs.told)
		}
	})
}

// conn is a bare connection.
type conn struct {
	*net.TCPConn
	r *bufio.Reader
}

func (b *bench) dial(t *testing.T) conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	tcp, _ := c.(*net.TCPConn)
	return conn{tcp, bufio.NewReader(c)}
}

func (c conn) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// answer reads the next answer.
func (c conn) answer(t *testing.T, method string) answer {
	t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(raw), res.Close}
}

func (c conn) atEnd(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 {
		t.Errorf("more answers: %s, %v", rest, err)
	}
}

// TestHeads: they have no body, not even the end of one.
func TestHeads(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.live.log = "{}\n"
	b.record(t, "run_a", "running", "{}")
	a := b.upload(t, "", "hello")
	c := b.dial(t)
	for _, path := range []string{"/health", "/metrics", "/nothing", "/api/v1/runs", "/api/v1/runs/last", "/api/v1/runs/last/logs", "/api/v1/runs/last/events",
		"/api/v1/artifacts/" + a.Digest, "/api/v1/node-types"} {
		c.write(t, "HEAD "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
		if a := c.answer(t, "HEAD"); path != "/nothing" && (a.status != 200 || a.close) {
			t.Errorf("%s: got %+v", path, a)
		}
		if path == "/nothing" {
			c = b.dial(t)
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.atEnd(t)
}

// TestOneRequestAtATime: what a handler leaves of a body is never taken for another request.
func TestOneRequestAtATime(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	within := "POST /api/v1/runs/run_a/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
	chunked := "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(within), within)
	long := strings.Repeat(within, 10_000/len(within))
	counted := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long)
	end := "--b\r\nContent-Disposition: form-data; name=\"pipeline\"\r\n\r\nx\r\n--b--\r\n"
	formed := fmt.Sprintf("Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s%s", len(end)+len(long), end, long)
	for name, request := range map[string]string{
		"resume, in chunks":  "POST /api/v1/runs/run_a/resume HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"resume, counted":    "POST /api/v1/runs/run_a/resume HTTP/1.1\r\nHost: localhost\r\n" + counted,
		"refused, in chunks": "POST /api/v1/runs/run_a/resume HTTP/1.1\r\nHost: made.up\r\n" + chunked,
		"refused, counted":   "POST /api/v1/runs/run_a/resume HTTP/1.1\r\nHost: made.up\r\n" + counted,
		"trust":              "POST /api/v1/plugins/x/trust HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"GET, in chunks":     "GET /health HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"GET, counted":       "GET /health HTTP/1.1\r\nHost: localhost\r\n" + counted,
		"HEAD, in chunks":    "HEAD /health HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"DELETE":             "DELETE /health HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"made-up method":     "MADEUP /health HTTP/1.1\r\nHost: localhost\r\n" + chunked,
		"after a form":       "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n" + formed,
		"after JSON":         "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n" + counted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.dial(t)
			c.write(t, request)
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(request, " ")
			c.answer(t, method)
			c.atEnd(t)
		})
	}
	t.Cleanup(func() {
		for _, told := range b.runs.told {
			if strings.HasPrefix(told, "cancel") {
				t.Errorf("the host was asked: %q", b.runs.told)
			}
		}
	})
}

func sum256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
