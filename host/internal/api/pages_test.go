package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/sdk/client"
)

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// TestPages: the web interface's files come as what they are, links into it work, and the API's paths stay its own.
func TestPages(t *testing.T) {
	t.Parallel()
	const index, script = "<!doctype html><title>x</title>", "let x = 1"
	b := start(t, func(c *Config) {
		c.Pages = fstest.MapFS{
			"index.html":           {Data: []byte(index)},
			"icon.svg":             {Data: []byte("<svg/>")},
			"assets/main-a1.js":    {Data: []byte(script)},
			"assets/main-a1.js.gz": {Data: packed(t, script)},
			"assets/main-b2.css":   {Data: []byte("a{}")},
		}
	})
	const forever, asked = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct{ path, kind, cache, body string }{
		{"/", "text/html; charset=utf-8", asked, index},
		{"/index.html", "text/html; charset=utf-8", asked, index},
		{"/runs/run_01/nodes", "text/html; charset=utf-8", asked, index},
		{"/apis", "text/html; charset=utf-8", asked, index},
		{"/../../etc/passwd", "text/html; charset=utf-8", asked, index},
		{"/..%2f..%2fetc%2fpasswd", "text/html; charset=utf-8", asked, index},
		{"/icon.svg", "image/svg+xml", asked, "<svg/>"},
		{"/assets/main-a1.js", "text/javascript; charset=utf-8", forever, script},
		{"/assets/main-b2.css", "text/css; charset=utf-8", forever, "a{}"},
	} {
		for _, packing := range []string{"gzip", "identity"} {
			a := b.ask(t, "GET", c.path, nil, "Accept-Encoding: "+packing)
			body := a.body
			if a.header.Get("Content-Encoding") == "gzip" {
				r, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				raw, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				body = string(raw)
			}
			policy := a.header.Get("Content-Security-Policy")
			if a.status != 200 || a.header.Get("Content-Type") != c.kind || a.header.Get("Cache-Control") != c.cache || body != c.body ||
				!strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s for %s: %d %v %q", c.path, packing, a.status, a.header, body)
			}
			if again := b.ask(t, "GET", c.path, nil, "Accept-Encoding: "+packing, "If-None-Match: "+a.header.Get("ETag")); again.status != http.StatusNotModified {
				t.Errorf("%s again: %d", c.path, again.status)
			}
		}
	}
	if a := b.ask(t, "GET", "/assets/main-a1.js", nil, "Accept-Encoding: gzip"); a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("what lies there packed is not sent so: %v", a.header)
	}
	plain := &bench{url: b.url, http: &http.Client{Transport: &http.Transport{DisableCompression: true}}} // says nothing of packing, as curl does
	defer plain.http.CloseIdleConnections()
	if a := plain.get(t, "/assets/main-a1.js"); a.header.Get("Content-Encoding") != "" || a.body != script {
		t.Errorf("it is sent packed to who did not ask for that: %v", a.header)
	}
	for _, path := range []string{"/api", "/api/v1/nothing", "/api/v2/runs", "/hooks/none", "/assets/gone-c3.js"} {
		b.get(t, path).problem(t, 404, client.CodeNotFound, "")
	}
	for _, path := range []string{"/", "/runs", "/api/v1/nothing"} {
		if a := b.ask(t, "POST", path, strings.NewReader("{}")); a.status != 404 && a.status != 405 || !strings.Contains(a.header.Get("Content-Type"), "problem+json") {
			t.Errorf("POST %s: %d %v", path, a.status, a.header)
		}
	}
}

// TestNotBuilt: a host without the web interface says how to get it.
func TestNotBuilt(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	if a := b.get(t, "/"); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || !strings.Contains(a.body, "make build") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	b.get(t, "/runs").problem(t, 404, client.CodeNotFound, "")
}
