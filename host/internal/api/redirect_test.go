package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
)

// fakeLinks gives links that say what they are for.
type fakeLinks struct{}

func (fakeLinks) Link(_ context.Context, digest, mediaType, disposition string) (string, error) {
	return "https://s3.example/?" + url.Values{"of": {digest}, "type": {mediaType}, "as": {disposition}}.Encode(), nil
}

func (fakeLinks) Origin() string { return "https://s3.example" }

// TestRedirect: a browser is sent to where a file is, with the type and the disposition that it would have here; nobody else is.
func TestRedirect(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) {
		c.Files.Links = fakeLinks{}
		c.Pages = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	})
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct{ body, kind, as string }{
		{png, "image/png", "inline; filename=x.png"},
		{"<!DOCTYPE html><script>alert(1)</script>", "application/octet-stream", "attachment; filename=x.png"},
	} {
		a := b.upload(t, "", c.body)
		path := "/api/v1/artifacts/" + a.Digest + "?name=x.png"
		for _, mode := range []string{"navigate", "no-cors"} {
			got := b.ask(t, "GET", path, nil, "Sec-Fetch-Mode: "+mode)
			to, err := url.Parse(got.header.Get("Location"))
			if err != nil || got.status != http.StatusTemporaryRedirect || got.header.Get("Cache-Control") != "no-store" ||
				fmt.Sprint(to.Query()) != fmt.Sprint(url.Values{"of": {a.Digest}, "type": {c.kind}, "as": {c.as}}) {
				t.Errorf("%s: %d %v, %v", mode, got.status, got.header, err)
			}
		}
		for _, mode := range []string{"cors", "same-origin", ""} {
			if got := b.ask(t, "GET", path, nil, "Sec-Fetch-Mode: "+mode); got.status != 200 || got.body != c.body {
				t.Errorf("%q: got %d", mode, got.status)
			}
		}
	}
	b.ask(t, "GET", "/api/v1/artifacts/"+digestOf("other"), nil, "Sec-Fetch-Mode: navigate").problem(t, 404, "not_found", "")
	if p := b.get(t, "/").header.Get("Content-Security-Policy"); !strings.Contains(p, "img-src 'self' blob: https://s3.example data:; media-src 'self' blob: https://s3.example;") {
		t.Errorf("pages may show: %s", p)
	}
}
