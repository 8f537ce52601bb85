package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
)

// The bounds of what is held, and how it is sent.
const (
	mostHeld   = 4096 // spans, beside those of one request
	mostSent   = 512  // spans in one request
	every      = time.Second
	mostTries  = 5
	firstPause = 500 * time.Millisecond
	mostPause  = 30 * time.Second
	mostAnswer = 64 << 10
)

// exporter sends spans.
type exporter struct {
	s       Settings
	version string
	log     *slog.Logger
	web     *http.Client
	base    context.Context // ends when nothing more is sent
	stop    context.CancelFunc
	closing chan struct{} // what is held goes now
	some    chan struct{} // there is something
	many    chan struct{} // there is enough for a request
	done    chan struct{}

	sent, dropped atomic.Int64

	mu   sync.Mutex
	held []trace.Span

	trouble bool // the last request failed; run alone has it
}

func newExporter(s Settings, version string, log *slog.Logger) *exporter {
	e := &exporter{s: s, version: version, log: log, closing: make(chan struct{}), some: make(chan struct{}, 1), many: make(chan struct{}, 1), done: make(chan struct{})}
	e.base, e.stop = context.WithCancel(context.Background())
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 1
	e.web = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // headers go to nobody else
	go e.run()
	return e
}

// emit holds a span until it is sent; one too many is dropped.
func (e *exporter) emit(s trace.Span) {
	e.mu.Lock()
	n := len(e.held)
	if n < mostHeld {
		e.held = append(e.held, s)
	}
	e.mu.Unlock()
	switch n {
	case 0:
		signal(e.some)
	case mostSent - 1:
		signal(e.many)
	case mostHeld:
		e.dropped.Add(1)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close sends what is held until ctx ends, and drops the rest.
func (e *exporter) close(ctx context.Context) {
	close(e.closing)
	select {
	case <-e.done:
	case <-ctx.Done():
	}
	e.stop()
	<-e.done
	e.web.CloseIdleConnections()
}

func (e *exporter) run() {
	defer close(e.done)
	for {
		select {
		case <-e.some:
		case <-e.closing:
		}
		select { // more may come
		case <-e.many:
		case <-time.After(every):
		case <-e.closing:
		}
		for {
			batch := e.take()
			if len(batch) == 0 {
				break
			}
			e.send(batch)
		}
		select {
		case <-e.closing:
			return
		default:
		}
	}
}

func (e *exporter) take() []trace.Span {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(len(e.held), mostSent)
	batch := append([]trace.Span(nil), e.held[:n]...)
	rest := copy(e.held, e.held[n:])
	clear(e.held[rest:])
	if e.held = e.held[:rest]; rest == 0 {
		e.held = nil
	}
	return batch
}

// send tries for a while, then gives the spans up.
func (e *exporter) send(batch []trace.Span) {
	n := int64(len(batch))
	body, err := encode(e.s.Resource, e.version, batch)
	if err == nil && e.s.Gzip {
		body = packed(body)
	}
	pause := firstPause
	for try := 1; err == nil; try++ {
		var refused int64
		var after time.Duration
		if refused, after, err = e.post(body); err == nil {
			e.sent.Add(n - refused)
			e.dropped.Add(refused)
			if e.trouble {
				e.log.Info("traces go to their collector again", "url", e.s.URL)
			}
			e.trouble = false
			return
		}
		var final *finalError
		if errors.As(err, &final) || try == mostTries || e.base.Err() != nil {
			break
		}
		if after == 0 {
			after = pause
			pause = min(2*pause, mostPause)
		}
		select {
		case <-e.base.Done():
		case <-e.closing: // one more try, as there is little time
			try = mostTries - 1
		case <-time.After(min(after, mostPause)):
		}
		err = nil
	}
	e.dropped.Add(n)
	if !e.trouble {
		e.log.Warn("traces are lost: their collector does not take them; runs go on without", "url", e.s.URL, "error", err)
	}
	e.trouble = true
}

func packed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// finalError is one that another try would not change.
type finalError struct{ status string }

// Error says what the collector answered.
func (e *finalError) Error() string { return "it answers " + e.status }

// post sends one request. after is how long the collector wants to be left alone.
func (e *exporter) post(body []byte) (refused int64, after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(e.base, e.s.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.s.URL, bytes.NewReader(body))
	if err != nil {
		return 0, 0, &finalError{err.Error()}
	}
	for name, value := range e.s.Headers {
		req.Header.Set(name, value)
	}
	if e.s.Secret != nil {
		secret, err := e.s.Secret(ctx)
		if err != nil {
			return 0, 0, err
		}
		for name, value := range secret {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if e.s.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := e.web.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		if err != nil {
			return 0, 0, nil //nolint:nilerr // it has them; only what it says of them is lost
		}
		return rejected(answer), 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return 0, time.Duration(seconds) * time.Second, fmt.Errorf("it answers %s", res.Status)
	default:
		return 0, 0, &finalError{res.Status}
	}
}
