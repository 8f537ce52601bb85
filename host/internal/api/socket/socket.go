package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The bounds of a client.
const (
	maxFrame   = 64 << 10 // bytes of what it says at once
	maxSubs    = 256
	pingEvery  = 20 * time.Second
	silentFor  = 50 * time.Second // without a word or a pong
	writeFor   = 10 * time.Second
	checkEvery = time.Minute // whether it may still be here
)

// Close codes of ours.
const (
	codeResync  = 4008 // it did not read what it was sent: come again, from the last sequence number
	codeSignOut = 4401 // its token or session has ended
)

// Config is what sockets work with.
type Config struct {
	Journal store.Journal
	Live    Live
	Runs    Runs
}

// Sockets serves WebSockets.
type Sockets struct {
	hubs hubs
	ctx  context.Context
	up   func(*fiber.Ctx) error
}

// May says from time to time whether a client may still be here.
type May func(ctx context.Context) bool

// mayKey is where a request carries its May.
const mayKey = "socket.may"

// New serves until ctx ends.
func New(ctx context.Context, cfg Config) *Sockets {
	s := &Sockets{ctx: ctx, hubs: hubs{cfg: cfg, ctx: ctx, all: map[string]*hub{}}}
	s.up = websocket.New(s.serve, websocket.Config{ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, WriteBufferPool: &sync.Pool{}, HandshakeTimeout: writeFor})
	return s
}

// Upgrade takes a request over. Who may be here, and which pages, was decided before.
func (s *Sockets) Upgrade(c *fiber.Ctx, may May) error {
	if !websocket.IsWebSocketUpgrade(c) {
		return &client.Problem{Code: client.CodeBadRequest, Detail: "this is a WebSocket", Fix: "connect with a WebSocket client, or read /api/v1/runs/ID/events"}
	}
	c.Locals(mayKey, may)
	return s.up(c)
}

// peer is one client.
type peer struct {
	s    *Sockets
	conn *websocket.Conn
	ctx  context.Context
	out  *outbox

	mu   sync.Mutex
	subs map[string]joined // by what was asked for

	ending sync.Mutex // for deadlines
	ended  bool
}

type joined struct {
	hub *hub
	sub *sub
	end context.CancelFunc
}

func (s *Sockets) serve(conn *websocket.Conn) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	may, _ := conn.Locals(mayKey).(May)
	p := &peer{s: s, conn: conn, ctx: ctx, subs: map[string]joined{}}
	p.out = newOutbox(func() { p.close(codeResync, "too much waits: come again, from the last sequence number") })
	var writing sync.WaitGroup
	writing.Go(func() { p.write(may) })
	p.read()
	cancel()
	writing.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.subs {
		j.end()
		s.hubs.leave(j.hub, j.sub)
	}
}

// close says why, as far as that can be said, and ends the connection.
func (p *peer) close(code int, why string) {
	_ = p.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
	p.end()
}

// end has reading and writing fail. The connection is closed by the server once both have: its own Close does nothing.
func (p *peer) end() {
	p.ending.Lock()
	defer p.ending.Unlock()
	p.ended = true
	_ = p.conn.NetConn().SetDeadline(time.Unix(1, 0))
}

// within sets a deadline, unless the connection has ended.
func (p *peer) within(set func(time.Time) error, d time.Duration) bool {
	p.ending.Lock()
	defer p.ending.Unlock()
	return !p.ended && set(time.Now().Add(d)) == nil
}

// write sends what is put out, and pings.
func (p *peer) write(may May) {
	ping, check := time.NewTicker(pingEvery), time.NewTicker(checkEvery)
	defer ping.Stop()
	defer check.Stop()
	for {
		select {
		case <-p.ctx.Done():
			if p.s.ctx.Err() != nil {
				p.close(websocket.CloseGoingAway, "the host stops")
			}
			p.end()
			return
		case <-check.C:
			if !may(p.ctx) {
				p.close(codeSignOut, "sign in again")
				return
			}
		case <-ping.C:
			if p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeFor)) != nil {
				p.end()
				return
			}
		case <-p.out.wake:
			for _, m := range p.out.take() {
				if !p.send(m) {
					p.end()
					return
				}
			}
		}
	}
}

func (p *peer) send(m *message) bool {
	frame, err := m.frame()
	if err != nil || !p.within(p.conn.SetWriteDeadline, writeFor) || p.conn.WritePreparedMessage(frame) != nil {
		return false
	}
	p.out.sent(m)
	return true
}

// asked is what a client says.
type asked struct {
	Action string  `json:"action"`
	RunID  string  `json:"runId"`
	After  *uint64 `json:"after"`
	JobID  string  `json:"jobId"`
}

// read takes what the client says until it goes.
func (p *peer) read() {
	p.conn.SetReadLimit(maxFrame)
	alive := func() bool { return p.within(p.conn.SetReadDeadline, silentFor) }
	p.conn.SetPongHandler(func(string) error { alive(); return nil })
	for alive() {
		kind, raw, err := p.conn.ReadMessage()
		if err != nil {
			return
		}
		var a asked
		switch err := json.Unmarshal(raw, &a); {
		case kind != websocket.TextMessage:
			p.refuse(asked{}, &client.Problem{Code: client.CodeBadRequest, Detail: "only text is understood"})
		case err != nil:
			p.refuse(asked{}, &client.Problem{Code: client.CodeBadRequest, Detail: "that is not the JSON that is wanted: " + err.Error()})
		default:
			if err := p.do(a); err != nil {
				p.refuse(a, err)
			}
		}
	}
}

// refuse answers what was asked in vain. Other subscriptions go on.
func (p *peer) refuse(a asked, err error) {
	problem := p.s.hubs.cfg.Runs.Problem(p.ctx, err)
	p.out.put(say(struct {
		Type    string          `json:"type"`
		RunID   string          `json:"runId,omitempty"`
		JobID   string          `json:"jobId,omitempty"`
		Message string          `json:"message"`
		Problem *client.Problem `json:"problem"`
	}{"error", a.RunID, a.JobID, problem.Detail, problem}))
}

func (p *peer) do(a asked) error {
	if (a.RunID == "") == (a.JobID == "") {
		return &client.Problem{Code: client.CodeBadRequest, Detail: "say which run", Fix: `{"action": "SUBSCRIBE", "runId": "…"}, or jobId`}
	}
	id := a.RunID
	if a.JobID != "" {
		id = a.JobID
	}
	switch strings.ToUpper(a.Action) {
	case "SUBSCRIBE":
		head, err := p.s.hubs.cfg.Runs.Find(p.ctx, id)
		if err != nil {
			return err
		}
		return p.subscribe(a, head.Run)
	case "UNSUBSCRIBE":
		p.unsubscribe(key(a, id))
		return nil
	}
	return &client.Problem{Code: client.CodeBadRequest, Detail: fmt.Sprintf("there is no action %.40q", a.Action), Fix: "SUBSCRIBE or UNSUBSCRIBE"}
}

func key(a asked, id string) string {
	if a.JobID != "" {
		return "job " + id
	}
	return "run " + id
}

func (p *peer) unsubscribe(key string) {
	p.mu.Lock()
	j, ok := p.subs[key]
	delete(p.subs, key)
	p.mu.Unlock()
	if ok {
		j.end()
		p.s.hubs.leave(j.hub, j.sub)
	}
}

// subscribe tells what there is, and from then on what comes.
func (p *peer) subscribe(a asked, run string) error {
	k := key(a, run)
	p.unsubscribe(k)
	p.mu.Lock()
	many := len(p.subs) >= maxSubs
	p.mu.Unlock()
	if many {
		return &client.Problem{Code: client.CodeTooMany, Detail: fmt.Sprintf("%d runs are watched over this connection already", maxSubs), Fix: "UNSUBSCRIBE from some, or open another"}
	}
	s := &sub{out: p.out, reading: true, jobs: a.JobID != ""}
	h, upTo, err := p.s.hubs.join(p.ctx, run, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(p.ctx)
	p.mu.Lock()
	p.subs[k] = joined{h, s, cancel}
	p.mu.Unlock()
	if s.jobs {
		j, err := p.s.hubs.cfg.Runs.Job(ctx, run)
		if err != nil {
			p.unsubscribe(k)
			return err
		}
		h.mu.Lock()
		if len(s.late) == 0 { // else the hub knows better
			s.late = []*message{update(j)}
		}
		h.mu.Unlock()
		h.release(s)
		return nil
	}
	var from uint64
	if a.After != nil {
		from = *a.After
	} else {
		r, err := p.s.hubs.cfg.Runs.Show(ctx, run)
		if err != nil {
			p.unsubscribe(k)
			return err
		}
		from = r.Seq
		p.out.put(say(struct {
			Type  string     `json:"type"`
			RunID string     `json:"runId"`
			Seq   uint64     `json:"seq"`
			Run   client.Run `json:"run"`
		}{"snapshot", run, r.Seq, r}))
	}
	go p.catchUp(ctx, h, s, from, upTo)
	return nil
}

// catchUp tells events that were recorded before the client came, at its pace, and then lets the hub go on.
func (p *peer) catchUp(ctx context.Context, h *hub, s *sub, from, upTo uint64) {
	for from < upTo {
		if !p.out.calm(ctx) {
			return
		}
		events, err := p.s.hubs.cfg.Journal.Read(ctx, h.run, from, pageSize)
		if err != nil || len(events) == 0 {
			if ctx.Err() == nil && err != nil {
				p.refuse(asked{RunID: h.run}, err)
			}
			break
		}
		p.out.put(told(h.run, events))
		from = events[len(events)-1].Seq
	}
	h.mu.Lock()
	s.seq = max(s.seq, from)
	h.mu.Unlock()
	h.release(s)
}

// release hands a subscriber what was told while it read, and from now on everything at once.
func (h *hub) release(s *sub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.reading = false
	late := s.late
	s.late = nil
	for _, m := range late {
		s.deliver(m)
	}
}
