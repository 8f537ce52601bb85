package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// told is what a socket says.
type told struct {
	Type     string          `json:"type"`
	RunID    string          `json:"runId"`
	JobID    string          `json:"jobId"`
	Seq      uint64          `json:"seq"`
	Status   string          `json:"status"`
	Progress int             `json:"progress"`
	Run      *client.Run     `json:"run"`
	Data     json.RawMessage `json:"data"`
	Report   *client.Report  `json:"report"`
	Events   []client.Event  `json:"events"`
	Problem  *client.Problem `json:"problem"`
}

func (m told) String() string {
	switch m.Type {
	case "snapshot":
		return fmt.Sprintf("snapshot %s at %d", m.RunID, m.Seq)
	case "event":
		return fmt.Sprintf("event %s %d", m.RunID, m.Seq)
	case "report":
		return fmt.Sprintf("report %s %s %v", m.RunID, m.Report.Kind, m.Report.Fraction)
	case "update":
		return fmt.Sprintf("update %s %s %d", m.JobID, m.Status, m.Progress)
	case "error":
		return "error " + m.Problem.Code
	}
	return m.Type + " " + m.RunID
}

type socketClient struct {
	*websocket.Conn
	t     testing.TB
	ahead []told // events that came with others
}

func (b *bench) socket(t testing.TB, headers ...string) *socketClient {
	t.Helper()
	c, res, err := dialSocket(b.url, headers...)
	if err != nil {
		t.Fatalf("%v: %+v", err, res)
	}
	t.Cleanup(func() { c.Close() })
	return &socketClient{Conn: c, t: t}
}

func dialSocket(url string, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	for _, one := range headers {
		name, value, _ := strings.Cut(one, ": ")
		h.Set(name, value)
	}
	d := websocket.Dialer{ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	return d.Dial("ws"+strings.TrimPrefix(url, "http")+"/ws", h)
}

func (c *socketClient) say(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *socketClient) next() told {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// read gives what is told, event by event.
func (c *socketClient) read() (told, error) {
	if len(c.ahead) == 0 {
		var m told
		_ = c.SetReadDeadline(time.Now().Add(60 * time.Second))
		if err := c.ReadJSON(&m); err != nil {
			return m, err
		}
		if m.Type != "events" {
			return m, nil
		}
		for _, e := range m.Events {
			c.ahead = append(c.ahead, told{Type: "event", RunID: m.RunID, Seq: e.Seq, Data: e.Data})
		}
	}
	m := c.ahead[0]
	c.ahead = c.ahead[1:]
	return m, nil
}

func (c *socketClient) want(list ...string) {
	c.t.Helper()
	for _, want := range list {
		if got := c.next().String(); got != want {
			c.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// TestSocket: a snapshot, then events with numbers, then reports; from a number on nothing is left out and nothing repeated.
func TestSocket(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", `{"n":1}`, `{"n":2}`)
	b.record(t, "run_b", "succeeded", `{"n":1}`)
	c := b.socket(t)
	c.say(`{"action": "SUBSCRIBE", "runId": "run_a"}`)
	c.want("snapshot run_a at 2")
	b.record(t, "run_a", "running", `{"n":3}`)
	if m := c.next(); m.String() != "event run_a 3" || string(m.Data) != `{"n":3}` {
		t.Errorf("%s %s", m, m.Data)
	}
	b.live.reports <- client.Report{Address: sdk.Address{Run: "run_a"}, Report: sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.5}}
	c.want("report run_a progress 0.5")

	late := b.socket(t)
	late.say(`{"action": "subscribe", "runId": "run_a", "after": 1}`) // in either case
	late.want("event run_a 2", "event run_a 3")
	b.record(t, "run_a", "succeeded", `{"n":4}`, `{"n":5}`)
	c.want("event run_a 4", "event run_a 5", "end run_a")
	late.want("event run_a 4", "event run_a 5", "end run_a")

	// what is wrong is answered, and harms nothing else
	c.say(`{"action": "SUBSCRIBE", "runId": "run_b", "after": 0}`)
	c.want("event run_b 1", "end run_b")
	for text, code := range map[string]string{`{`: "bad_request", `[]`: "bad_request", `{"action": "SUBSCRIBE"}`: "bad_request", `{"action": "SUBSCRIBE", "runId": "x", "jobId": "y"}`: "bad_request",
		`{"action": "DANCE", "runId": "run_a"}`: "bad_request", `{"action": "SUBSCRIBE", "runId": "nobody"}`: "not_found", `{"action": "SUBSCRIBE", "runId": "run_a", "after": -1}`: "bad_request",
		`{"action": "SUBSCRIBE", "runId": "run_"}`: "bad_request"} {
		c.say(text)
		if m := c.next(); m.String() != "error "+code {
			t.Errorf("%s: %s", text, m)
		}
	}
	if err := c.WriteMessage(websocket.BinaryMessage, []byte{1}); err != nil {
		t.Fatal(err)
	}
	c.want("error bad_request")
	c.say(`{"action": "UNSUBSCRIBE", "runId": "nobody"}`)
	c.say(`{"action": "SUBSCRIBE", "runId": "run_a", "after": 4}`)
	c.want("event run_a 5", "end run_a")
	c.say(`{"action": "` + strings.Repeat("x", 70<<10) + `"}`)
	if _, _, err := c.ReadMessage(); err == nil {
		t.Error("a frame of 70 KiB is taken")
	}
}

// TestSocketJobs: the first MySpinBot's protocol on the same socket.
func TestSocketJobs(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", `{"n":1}`)
	c := b.socket(t)
	c.say(`{"action": "subscribe", "jobId": "run_a"}`)
	c.want("update run_a running 0")
	c.say(`{"action": "SUBSCRIBE", "jobId": "made-up"}`)
	if m := c.next(); m.String() != "error not_found" || m.JobID != "made-up" {
		t.Errorf("%+v", m)
	}
	b.record(t, "run_a", "running", `{"n":2}`) // nothing a job would tell
	b.record(t, "run_a", "succeeded", `{"n":3}`)
	c.want("update run_a completed 100")
	c.say(`{"action": "SUBSCRIBE", "jobId": "run_a"}`)
	c.want("update run_a completed 100")
}

// TestSocketAccess: sockets are let in like requests that change something.
func TestSocketAccess(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for header, status := range map[string]int{"Origin: http://evil.example": 403, "Origin: null": 403, "Sec-Fetch-Site: cross-site": 403, "Host: rebound.example": 403, "Origin: " + b.url: 101, "X: y": 101} {
		c, res, err := dialSocket(b.url, header)
		if res == nil || res.StatusCode != status {
			t.Errorf("%s: %v %v", header, res, err)
		}
		if err == nil {
			c.Close()
		}
	}
	text := b.token(t, "viewer")
	if _, res, err := dialSocket(b.url); err == nil || res.StatusCode != 401 {
		t.Errorf("%v %v", res, err)
	}
	b.socket(t, "Authorization: Bearer "+text).say(`{"action": "SUBSCRIBE", "runId": "run_a"}`)
	b.get(t, "/ws", "Authorization: Bearer "+text).problem(t, 400, client.CodeBadRequest, "WebSocket")
}

// TestSocketCloses: a host that stops says so.
func TestSocketCloses(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	c := b.socket(t)
	c.say(`{"action": "SUBSCRIBE", "runId": "run_a"}`)
	c.want("snapshot run_a at 1")
	if err := b.Close(context.Background()); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	_, _, err := c.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Error(err)
	}
}

// TestSlowClients: who does not read is cut off, and nobody else waits for them.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", `{"n":1}`)
	var slow, quick []*socketClient
	for k := range 20 {
		c := b.socket(t)
		c.say(`{"action": "SUBSCRIBE", "runId": "run_a"}`)
		c.want("snapshot run_a at 1")
		if k < 5 {
			slow = append(slow, c)
		} else {
			quick = append(quick, c)
		}
	}
	const events, size = 400, 64 << 10 // far more than a connection and its backlog hold
	var reading sync.WaitGroup
	read := make(chan struct{}, len(quick))
	for _, c := range quick {
		reading.Go(func() {
			for k := range events {
				if m, err := c.read(); err != nil || m.Seq != uint64(k+2) {
					t.Errorf("event %d: %s, %v", k+2, m, err)
					close(read)
					return
				}
				read <- struct{}{}
			}
		})
	}
	pad := strings.Repeat("x", size)
	for k := range events {
		b.record(t, "run_a", "running", fmt.Sprintf(`{"n":%d,"pad":%q}`, k, pad))
		for range quick { // who reads can keep up
			if _, ok := <-read; !ok {
				t.FailNow()
			}
		}
	}
	reading.Wait()
	for _, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		seen, err := 0, error(nil)
		for err == nil {
			if _, _, err = c.ReadMessage(); err == nil {
				seen++
			}
		}
		var timeout net.Error
		if seen == events || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("it was not cut off: %d events, %v", seen, err)
		}
	}
}

// TestSocketResumes: a host that is started anew under load; each client goes on from its number.
func TestSocketResumes(t *testing.T) {
	t.Parallel()
	first := start(t, nil)
	second := start(t, func(c *Config) { c.Journal, c.Index, c.Runs = first.store, first.store, first.runs })
	first.record(t, "run_a", "running", "{}")
	const clients, events = 50, 300
	var reading sync.WaitGroup
	var stopped atomic.Bool
	for range clients {
		reading.Go(func() {
			seen := uint64(0)
			for url := first.url; ; url = second.url {
				c, _, err := dialSocket(url)
				if err != nil {
					if stopped.Load() && url == first.url {
						continue
					}
					t.Error(err)
					return
				}
				_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"action": "SUBSCRIBE", "runId": "run_a", "after": %d}`, seen))
				s := &socketClient{Conn: c, t: t}
				for {
					m, err := s.read()
					if err != nil {
						break
					}
					if m.Type == "end" {
						if seen != events+1 {
							t.Errorf("it ends at %d", seen)
						}
						c.Close()
						return
					}
					if m.Seq != seen+1 {
						t.Errorf("%d follows %d", m.Seq, seen)
						c.Close()
						return
					}
					seen = m.Seq
				}
				c.Close()
			}
		})
	}
	for k := range events {
		state := "running"
		if k == events-1 {
			state = "succeeded"
		}
		first.record(t, "run_a", state, fmt.Sprintf(`{"n":%d}`, k))
		if k == events/2 {
			stopped.Store(true)
			if err := first.Close(context.Background()); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	}
	reading.Wait()
}
