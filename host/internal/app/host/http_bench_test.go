package host

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/sdk/client"
)

// BenchmarkShowRun asks for one run again and again, and a bare server for the same bytes.
func BenchmarkShowRun(b *testing.B) {
	h := open(b)
	defer stop(b, h)
	address, err := h.Serve(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	r, err := h.Client().Submit(b.Context(), client.Submission{Pipeline: client.Source{Text: `pipeline "x" {}
node "control.template" "a" { template = "Hello" }
node "control.template" "b" { template = node.a.text }
output "text" { value = node.b.text }`}})
	if err != nil {
		b.Fatal(err)
	}
	for !r.Ended() {
		if r, err = h.Client().Run(b.Context(), r.ID); err != nil {
			b.Fatal(err)
		}
	}
	path := "/api/v1/runs/" + r.ID
	_, body, err := fasthttp.Get(nil, "http://"+address+path)
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	bare := &fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		c.SetContentType("application/json")
		_, _ = c.Write(body)
	}}
	go func() { _ = bare.Serve(ln) }()
	defer func() { _ = bare.Shutdown() }()
	var ours, theirs float64
	for b.Loop() {
		ours += hammer(b, address, path, body)
		theirs += hammer(b, ln.Addr().String(), path, body)
	}
	b.ReportMetric(ours/float64(b.N), "requests/s")
	b.ReportMetric(ours/theirs, "of-bare")
	b.ReportMetric(float64(len(body)), "bytes")
}

// hammer says how many requests a second a server answers with a body.
func hammer(b *testing.B, address, path string, body []byte) float64 {
	c := &fasthttp.HostClient{Addr: address, MaxConns: 64}
	var done atomic.Int64
	var group sync.WaitGroup
	until := time.Now().Add(2 * time.Second)
	for range 64 {
		group.Go(func() {
			req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			req.SetRequestURI("http://" + address + path)
			for time.Now().Before(until) {
				if err := c.Do(req, res); err != nil || res.StatusCode() != 200 || !bytes.Equal(res.Body(), body) {
					b.Errorf("%d %s, %v", res.StatusCode(), res.Body(), err)
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / 2
}
