package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestSlowBody: who trickles is cut off, whatever route it holds; who is slow and moves is not.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.Route.Patience = 50 * time.Millisecond })
	begun := strings.Repeat("x", 20_000) // more than what is read before the handler starts
	for name, request := range map[string]string{
		"at once":     "POST /api/v1/artifacts?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n",
		"counted":     "POST /api/v1/artifacts?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" + begun,
		"in chunks":   "POST /api/v1/artifacts?name=x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + begun,
		"a form":      "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n\r\n--b\r\nContent-Disposition: form-data; name=v\r\n\r\n" + begun,
		"a form file": "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n\r\n--b\r\nContent-Disposition: form-data; name=v; filename=x\r\n\r\n" + begun,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := b.dial(t)
			c.write(t, request)
			done := make(chan answer, 1)
			go func() { done <- c.answer(t, "POST") }()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					_, _ = io.WriteString(c, "x") // one byte at a time; once refused it is not read
				case a := <-done:
					a.problem(t, 408, client.CodeBadRequest, map[bool]string{true: "Timeout", false: "too slow"}[name == "at once"])
					return
				}
			}
		})
	}
}

// TestPacked: what would have to be unpacked is refused before it is looked at.
func TestPacked(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, o := range b.Ops() {
		if o.Method == http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{", "", "}", "").Replace(o.Path)
		for _, packing := range []string{"gzip", "br", "deflate, gzip", "x"} {
			b.ask(t, o.Method, path, strings.NewReader("\x1f\x8b"), "Content-Encoding: "+packing).problem(t, 415, client.CodeUnsupported, "packed")
		}
	}
	if a := b.post(t, "/api/v1/artifacts", "x", "Content-Encoding: identity"); a.status != 201 {
		t.Errorf("%+v", a)
	}
}

// TestHugeHeaders: they are not read to their end.
func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for name, header := range map[string]string{"one": "X: " + strings.Repeat("x", route.MaxHeaders), "many": strings.Repeat("X: y\r\n", route.MaxHeaders/6) + "Z: z"} {
		c := b.dial(t)
		c.write(t, "GET /health HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n\r\n")
		if a := c.answer(t, "GET"); a.status != 431 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	c := b.dial(t)
	c.write(t, fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", strings.Repeat("x", route.MaxHeaders)))
	if a := c.answer(t, "GET"); a.status < 400 || a.status >= 500 {
		t.Errorf("%+v", a)
	}
}
