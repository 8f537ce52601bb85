package socket

import (
	"bufio"
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
	"testing/synctest"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// rig is a host's part of the sockets, over a store that may outlive it.
type rig struct {
	*Server
	t       testing.TB
	hub     *hub.Hub
	store   *memstore.Store
	address string
	reports chan client.Report
	revoked atomic.Bool
	close   func()
}

func (r *rig) Reports(context.Context, string) <-chan client.Report { return r.reports }
func (r *rig) Newest(string) []client.Report                        { return nil }

// small has the server's ends hold little, so that a client that does not read is felt soon.
type small struct{ net.Listener }

func (l small) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(128 << 10)
	}
	return c, err
}

// unserved makes a rig over a store that nobody can reach but by pair; cfg's times count.
func unserved(t testing.TB, s *memstore.Store, cfg Config) *rig {
	r := &rig{t: t, store: s, reports: make(chan client.Report, 10)}
	summary := func(h store.Head) client.Run { return client.Run{ID: h.Run, State: h.State, Seq: h.Seq} }
	r.hub = hub.New(hub.Config{Journal: s, Index: s, Live: r, Summary: summary,
		Job: func(ctx context.Context, id string) (client.Job, error) {
			h, err := s.Find(ctx, id)
			j := client.Job{JobID: h.Run, Status: strings.ToUpper(h.State)}
			if h.State == "succeeded" {
				j.Progress = 100
			}
			return j, err
		},
		Show: func(ctx context.Context, id string) (client.Run, error) {
			h, err := s.Find(ctx, id)
			return summary(h), err
		},
		Problem: func(err error) *client.Problem {
			var p *client.Problem
			if !errors.As(err, &p) {
				p = &client.Problem{Code: client.CodeInternal, Detail: err.Error()}
			}
			return p
		}})
	cfg.Hub = r.hub
	r.Server = New(cfg)
	return r
}

// still is what a connection's client is asked again and again.
func (r *rig) still(context.Context) error {
	if r.revoked.Load() {
		return errors.New("the token was revoked")
	}
	return nil
}

// start serves over a store at an address.
func start(t testing.TB, s *memstore.Store, address string, cfg Config) *rig {
	t.Helper()
	r := unserved(t, s, cfg)
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, ReadBufferSize: 16 << 10})
	app.Get("/ws", func(c *fiber.Ctx) error { return r.Serve(c, r.still) })
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r.address = ln.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = app.Listener(small{ln}) })
	r.close = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
		_ = app.Shutdown()
		ln.Close()
		serving.Wait()
		r.hub.Close()
		r.until("those that came late are gone", func() bool { return r.Len() == 0 })
	})
	t.Cleanup(r.close)
	return r
}

func newRig(t testing.TB, cfg Config) *rig { return start(t, memstore.New(), "127.0.0.1:0", cfg) }

func (r *rig) record(run, state string, events ...string) {
	r.t.Helper()
	record(r.t, r.store, run, state, events...)
}

func record(t testing.TB, s *memstore.Store, run, state string, events ...string) {
	t.Helper()
	h, _ := s.Find(context.Background(), run) // a new run has none
	a := store.Append{Run: run, After: h.Seq, Head: &store.Head{Run: run, State: state, Seq: h.Seq + uint64(len(events))}}
	for _, e := range events {
		a.Events = append(a.Events, []byte(e))
	}
	if err := s.Append(context.Background(), a); err != nil {
		t.Error(err)
	}
}

// peer is a client.
type peer struct {
	*websocket.Conn
	t    testing.TB
	rest []client.Message
}

func (r *rig) dial() *peer {
	r.t.Helper()
	p, err := dial(r.t, r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func dial(t testing.TB, address string) (*peer, error) {
	d := websocket.Dialer{ReadBufferSize: 1024, WriteBufferSize: 256, HandshakeTimeout: 30 * time.Second}
	c, _, err := d.Dial("ws://"+address+"/ws", nil)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return &peer{Conn: c, t: t}, nil
}

func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// hear gives the next message, or how the connection ended.
func (p *peer) hear() (client.Message, error) {
	for len(p.rest) == 0 {
		_ = p.SetReadDeadline(time.Now().Add(60 * time.Second))
		_, raw, err := p.ReadMessage()
		if err != nil {
			return client.Message{}, err
		}
		if raw[0] == '[' {
			err = json.Unmarshal(raw, &p.rest)
		} else {
			p.rest = make([]client.Message, 1)
			err = json.Unmarshal(raw, &p.rest[0])
		}
		if err != nil {
			return client.Message{}, err
		}
	}
	m := p.rest[0]
	p.rest = p.rest[1:]
	return m, nil
}

func (p *peer) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		m, err := p.hear()
		if err != nil {
			p.t.Fatalf("want %s, but it ended: %v", w, err)
		}
		raw, _ := json.Marshal(m)
		if !strings.Contains(string(raw), w) {
			p.t.Fatalf("got %s, want %s", raw, w)
		}
	}
}

// ended wants the connection to end with a code.
func (p *peer) ended(code int) {
	p.t.Helper()
	for {
		if _, err := p.hear(); err != nil {
			if !websocket.IsCloseError(err, code) {
				p.t.Errorf("it ended with %v, want %d", err, code)
			}
			return
		}
	}
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for late := time.Now().Add(60 * time.Second); !ok(); time.Sleep(time.Millisecond) { // polled: nobody tells
		if time.Now().After(late) {
			r.t.Fatalf("never: %s", what)
		}
	}
}

func TestRunFromSnapshotToEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.record("run_a", "running", `{"n":1}`, `{"n":2}`)
	p := r.dial()
	p.say(`{"action":"SUBSCRIBE","runId":"run_a"}`)
	p.expect(`"type":"snapshot","runId":"run_a","seq":2,"data":{"id":"run_a"`)
	r.record("run_a", "running", `{"n":3}`)
	p.expect(`{"type":"event","runId":"run_a","seq":3,"data":{"n":3}}`)
	r.reports <- client.Report{Report: sdk.Report{Kind: sdk.ReportLog, Message: "hello"}}
	p.expect(`"type":"report","runId":"run_a","data":{`)
	r.record("run_a", "succeeded", `{"n":4}`)
	p.expect(`"seq":4`, `{"type":"end","runId":"run_a"}`)
	p.say(`{"action":"subscribe","runId":"run_a","after":2}`)
	p.expect(`"type":"snapshot","runId":"run_a","seq":4`, `"event","runId":"run_a","seq":3`, `"event","runId":"run_a","seq":4`, `"end"`)
	p.say(`{"action":"SUBSCRIBE","runs":true}`)
	p.expect(`{"type":"runs"}`)
	r.hub.Changed("run_a")
	p.expect(`"type":"run","runId":"run_a","seq":4,"data":{"id":"run_a"`)
}

// TestJobs is the protocol of those who know jobs.
func TestJobs(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.record("run_a", "running", `{}`)
	p := r.dial()
	p.say(`{"action":"SUBSCRIBE","jobId":"run_a"}`)
	p.expect(`{"type":"update","jobId":"run_a","status":"RUNNING","progress":0}`)
	p.say(`{"action":"SUBSCRIBE","jobId":"run_x"}`)
	p.expect(`"type":"error","jobId":"run_x","data":{`)
	r.record("run_a", "succeeded", `{}`)
	p.expect(`{"type":"update","jobId":"run_a","status":"SUCCEEDED","progress":100}`)
	p.say(`{"action":"unsubscribe","jobId":"run_a"}`)
	p.say(`{"action":"unsubscribe","jobId":"run_x"}`) // what is not followed is not missed
	p.say(`{"action":"subscribe","jobId":"run_a"}`)
	p.expect(`"status":"SUCCEEDED"`)
}

// TestWrongMessages are answered, and end nothing.
func TestWrongMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.record("run_a", "running", `{}`)
	r.record("run_b", "running", `{}`)
	p := r.dial()
	p.say(`{"action":"SUBSCRIBE","runId":"run_a","after":1}`)
	p.expect(`"snapshot"`)
	for say, want := range map[string]string{
		``: "bad_request", `{`: "bad_request", `null`: "has to name one", `[]`: "bad_request", `{"action":1}`: "bad_request", `"x"`: "bad_request",
		strings.Repeat(`[`, 60_000):                                            "bad_request",
		`{"action":"SUBSCRIBE"}`:                                               "has to name one",
		`{"action":"SUBSCRIBE","runId":"a","jobId":"b"}`:                       "has to name one",
		`{"action":"DROP TABLE","runId":"run_a"}`:                              "nobody knows the action",
		`{"runId":"run_a"}`:                                                    "nobody knows the action",
		`{"action":"SUBSCRIBE","runId":"run_a","after":-1}`:                    "bad_request",
		`{"action":"SUBSCRIBE","runId":"run_b","after":2}`:                     "the last event of run_b is 1",
		`{"action":"SUBSCRIBE","runId":"run_a","after":1.5}`:                   "bad_request",
		`{"action":"SUBSCRIBE","runId":"run_"}`:                                `"runId":"run_","data":{`,
		`{"action":"SUBSCRIBE","runId":"%"}`:                                   `"runId":"%","data":{`,
		`{"action":"SUBSCRIBE","runId":"` + strings.Repeat("x", 60_000) + `"}`: "not_found",
		"{\"action\":\"\xff\xfe\",\"runId\":\"run_a\"}":                        "nobody knows the action",
	} {
		p.say(say)
		m, err := p.hear()
		if err != nil {
			t.Fatalf("%.80s: %v", say, err)
		}
		raw, _ := json.Marshal(m)
		if m.Type != client.MessageError || !strings.Contains(string(raw), want) {
			t.Errorf("%.80s: got %.300s, want %s", say, raw, want)
		}
	}
	r.record("run_a", "running", `{}`)
	p.expect(`"event","runId":"run_a","seq":2`)
}

func TestTooManySubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	p := r.dial()
	for k := range maxFollow + 1 {
		id := fmt.Sprintf("run_%03d", k)
		r.record(id, "running", `{}`)
		p.say(`{"action":"SUBSCRIBE","jobId":"` + id + `"}`)
		if k < maxFollow {
			p.expect(`"update"`)
		}
	}
	p.expect(`"type":"error","jobId":"run_256","data":{`)
	p.say(`{"action":"SUBSCRIBE","jobId":"run_255"}`) // again is not one more
	p.expect(`"update","jobId":"run_255"`)
}

// TestHostileFrames end the connection they come on, with the code that says why, and no other.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.record("run_a", "running", `{}`)
	witness := r.dial()
	witness.say(`{"action":"SUBSCRIBE","jobId":"run_a"}`)
	witness.expect(`"update"`)
	for name, c := range map[string]struct {
		raw  string // written as it is; empty: message
		kind int
		size int
		code int
	}{
		"binary":                      {"", websocket.BinaryMessage, 10, websocket.CloseUnsupportedData},
		"too large":                   {"", websocket.TextMessage, maxMessage + 1, websocket.CloseMessageTooBig},
		"not masked":                  {"\x81\x02{}", 0, 0, websocket.CloseProtocolError},
		"reserved bits":               {"\xf1\x80\x00\x00\x00\x00", 0, 0, websocket.CloseProtocolError},
		"unknown kind":                {"\x83\x80\x00\x00\x00\x00", 0, 0, websocket.CloseProtocolError},
		"control frame in pieces":     {"\x09\x80\x00\x00\x00\x00", 0, 0, websocket.CloseProtocolError},
		"large ping":                  {"\x89\xfe\x01\x00\x00\x00\x00\x00", 0, 0, websocket.CloseProtocolError},
		"going on with nothing":       {"\x80\x80\x00\x00\x00\x00", 0, 0, websocket.CloseProtocolError},
		"length of nine billion gigs": {"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 0, 0, websocket.CloseMessageTooBig},
		"bad close":                   {"\x88\x82\x00\x00\x00\x00\x00\x01", 0, 0, websocket.CloseProtocolError},
	} {
		p := r.dial()
		if c.raw != "" {
			_, _ = p.NetConn().Write([]byte(c.raw))
		} else {
			_ = p.WriteMessage(c.kind, make([]byte, c.size))
		}
		for {
			_, err := p.hear()
			if err == nil {
				continue
			}
			if !websocket.IsCloseError(err, c.code) {
				t.Errorf("%s: ended with %v, want %d", name, err, c.code)
			}
			break
		}
	}
	p := r.dial()
	_, _ = p.NetConn().Write([]byte("\x81")) // half a frame, and gone
	p.Close()
	r.until("only the witness is left", func() bool { return r.Len() == 1 })
	r.record("run_a", "failed", `{}`)
	witness.expect(`"FAILED"`)
}

// TestNoUpgrade: whoever asks without wanting a WebSocket is told so.
func TestNoUpgrade(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
	got := make([]byte, 12)
	if _, err := c.Read(got); err != nil || string(got) != "HTTP/1.1 426" {
		t.Errorf("got %s, %v", got, err)
	}
}

// hijacked is a request's connection, for who upgrades it.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
	read *bufio.Reader
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(h.read, bufio.NewWriter(h.conn)), nil
}

// bubble runs a test whose clients are reached without a network, by pair, and whose clock stands while anybody works: a
// busy machine makes no answer late.
func bubble(t *testing.T, cfg Config, test func(r *rig, pair func() *peer)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := unserved(t, memstore.New(), cfg)
		var serving sync.WaitGroup
		test(r, func() *peer {
			theirs, ours := net.Pipe()
			serving.Go(func() {
				defer ours.Close()
				w := hijacked{conn: ours, read: bufio.NewReader(ours)}
				q, err := http.ReadRequest(w.read)
				if err != nil {
					t.Error(err)
					return
				}
				ws, err := (&websocket.Upgrader{}).Upgrade(w, q, nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.talk(ws, r.still)
			})
			d := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return theirs, nil }}
			c, _, err := d.Dial("ws://host/ws", nil)
			if err != nil {
				t.Fatal(err)
			}
			return &peer{Conn: c, t: t}
		})
		serving.Wait()
		r.hub.Close()
	})
}

// TestPings: a client that answers stays; one that does not is let go.
func TestPings(t *testing.T) {
	bubble(t, Config{}, func(r *rig, pair func() *peer) {
		there := pair()
		gone := make(chan error, 1)
		go func() { // which answers
			_, _, err := there.ReadMessage()
			gone <- err
		}()
		pair() // it reads nothing, and so answers nothing
		time.Sleep(49 * time.Second)
		if synctest.Wait(); r.Len() != 2 {
			t.Errorf("before the silent one has had its time, %d are there", r.Len())
		}
		time.Sleep(2 * time.Second)
		if synctest.Wait(); r.Len() != 1 {
			t.Errorf("after the time of the silent one, %d are there", r.Len())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case err := <-gone:
			t.Errorf("the one that answers is gone: %v", err)
		default:
			there.Close()
			<-gone
		}
	})
}

// TestRevoked: who may not be here any more is told so, within Recheck. On a busy machine it may be let go as silent before.
func TestRevoked(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{Ping: time.Second, Recheck: time.Second})
	r.revoked.Store(true)
	r.until("it is told so", func() bool {
		_, err := r.dial().hear()
		return websocket.IsCloseError(err, CloseRevoked)
	})
}

// TestHostEnds: every client is told, and those who come late, too.
func TestHostEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.record("run_a", "running", `{}`)
	var all []*peer
	for range 20 {
		p := r.dial()
		p.say(`{"action":"SUBSCRIBE","runId":"run_a"}`)
		p.expect(`"snapshot"`)
		all = append(all, p)
	}
	deaf := r.dial() // it never hears of it
	var closing sync.WaitGroup
	closing.Go(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, p := range all {
		p.ended(websocket.CloseGoingAway)
	}
	closing.Wait()
	late := r.dial()
	late.ended(websocket.CloseGoingAway)
	deaf.ended(websocket.CloseGoingAway)
}

// TestCloseGivesUp: a host that must go does not wait for clients that keep their end open.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.dial()
	r.until("it is there", func() bool { return r.Len() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Close(ctx); err == nil || r.Len() != 0 {
		t.Errorf("got %v with %d left", err, r.Len())
	}
}
