package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestRange: what browsers ask for while somebody seeks in a film.
func TestRange(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	const body = "0123456789"
	a := b.upload(t, "", body)
	path, tag := "/api/v1/artifacts/"+a.Digest, `"`+a.Digest+`"`
	for _, c := range []struct {
		headers string // separated by |
		status  int
		want    string
		rng     string
	}{
		{"Range: bytes=0-", 206, body, "bytes 0-9/10"},
		{"Range: bytes=3-5", 206, "345", "bytes 3-5/10"},
		{"Range: bytes=9-", 206, "9", "bytes 9-9/10"},
		{"Range: bytes=3-99999999999", 206, "3456789", "bytes 3-9/10"},
		{"Range: bytes=-3", 206, "789", "bytes 7-9/10"},
		{"Range: bytes=-300", 206, body, "bytes 0-9/10"},
		{"Range: Bytes=0-0", 206, "0", "bytes 0-0/10"},
		{"Range: bytes=10-", 416, "", "bytes */10"},
		{"Range: bytes=-0", 416, "", "bytes */10"},
		{"Range: bytes=9223372036854775807-", 416, "", "bytes */10"},
		{"Range: bytes=9223372036854775808-", 200, body, ""},
		{"Range: bytes=5-3", 200, body, ""},
		{"Range: bytes=0-1,4-5", 200, body, ""},
		{"Range: bytes=", 200, body, ""},
		{"Range: bytes=-", 200, body, ""},
		{"Range: bytes=a-b", 200, body, ""},
		{"Range: bytes=+1-2", 200, body, ""},
		{"Range: lines=1-2", 200, body, ""},
		{"Range: bytes=3-5|If-Range: " + tag, 206, "345", "bytes 3-5/10"},
		{`Range: bytes=3-5|If-Range: "sha256:1"`, 200, body, ""},
		{"Range: bytes=3-5|If-Range: W/" + tag, 200, body, ""},
		{"Range: bytes=3-5|If-Range: Wed, 21 Oct 2015 07:28:00 GMT", 200, body, ""},
		{"If-None-Match: " + tag, 304, "", ""},
		{"If-None-Match: *", 304, "", ""},
		{"If-None-Match: W/" + tag + "|Range: bytes=3-5", 304, "", ""},
		{`If-None-Match: "x"|Range: bytes=3-5`, 206, "345", "bytes 3-5/10"},
	} {
		got := b.get(t, path, strings.Split(c.headers, "|")...)
		if got.status != c.status || got.header.Get("Content-Range") != c.rng || c.status != 416 && got.body != c.want || got.header.Get("Accept-Ranges") != "bytes" || got.header.Get("ETag") != tag {
			t.Errorf("%s: got %d %s %s", c.headers, got.status, got.header, got.body)
		}
		if c.status == 416 {
			got.problem(t, 416, client.CodeBadRequest, "10 bytes")
		}
	}
	if got := b.ask(t, "HEAD", path, nil, "Range: bytes=3-5"); got.status != 200 || got.header.Get("Content-Length") != "10" || got.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("HEAD: got %+v", got)
	}
	empty := b.upload(t, "", "")
	for _, rng := range []string{"bytes=0-", "bytes=-1", "bytes=0-0"} {
		b.get(t, "/api/v1/artifacts/"+empty.Digest, "Range: "+rng).problem(t, 416, client.CodeBadRequest, "0 bytes")
	}
	large := strings.Repeat("0123456789", 500_000)
	film := b.upload(t, "", large)
	if got := b.get(t, "/api/v1/artifacts/"+film.Digest, "Range: bytes=100001-4900000"); got.status != 206 || got.body != large[100001:4900001] {
		t.Errorf("got %d, %d bytes", got.status, len(got.body))
	}
}

// TestRangesOnOneConnection: what was not sent of a file is not taken for the next answer.
func TestRangesOnOneConnection(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	a := b.upload(t, "", "0123456789")
	c := b.dial(t)
	for _, method := range []string{"GET", "HEAD", "GET"} {
		for _, h := range []string{"Range: bytes=2-4", "Range: bytes=50-", `If-None-Match: "` + a.Digest + `"`} {
			c.write(t, fmt.Sprintf("%s /api/v1/artifacts/%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", method, a.Digest, h))
			if got := c.answer(t, method); got.close || method == "GET" && got.status == http.StatusPartialContent && got.body != "234" {
				t.Errorf("%s %s: got %+v", method, h, got)
			}
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.atEnd(t)
}

// TestSavedAs: a name is a hint for a browser, and nothing else.
func TestSavedAs(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	film, page := b.upload(t, "", png), b.upload(t, "", "<!DOCTYPE html>")
	for name, want := range map[string]string{
		"": "", "a.png": "filename=a.png", "my film.png": `filename="my film.png"`, "../../etc/passwd": "filename=passwd", `C:\x\y.png`: "filename=y.png",
		"a\r\nSet-Cookie: x=1": `filename="aSet-Cookie: x=1"`, "a\x00b": "filename=ab", `a".html`: `filename="a\".html"`, "ü.png": "filename*=utf-8''%C3%BC.png",
		"..": "", strings.Repeat("x", 4096): "filename=" + strings.Repeat("x", sdk.MaxName),
	} {
		for digest, kind := range map[string]string{film.Digest: "inline", page.Digest: "attachment"} {
			got := b.get(t, "/api/v1/artifacts/"+digest+"?name="+url.QueryEscape(name)).header
			full := kind + "; " + want
			if want == "" {
				full = strings.TrimPrefix(kind, "inline")
			}
			if got.Get("Content-Disposition") != full || got.Get("Set-Cookie") != "" {
				t.Errorf("%.80q: got %.200s, want %.200s", name, got.Get("Content-Disposition"), full)
			}
		}
	}
}
