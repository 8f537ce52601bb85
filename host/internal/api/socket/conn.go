package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/sdk/client"
)

// conn is one connection.
type conn struct {
	server *Server
	ws     *websocket.Conn
	line   *hub.Line
	still  func(context.Context) error
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	idle    sync.Cond // of mu: writing has become false
	writing bool      // a goroutine writes
	more    bool      // it has to look again
	dead    bool      // nobody writes any more
	ping    bool      // it has to ask whether the client is there
	code    int       // it has to close with this; 0: not yet
	text    string
	timer   *time.Timer
	checked time.Time
}

// talk reads what a client says until the connection ends.
func (s *Server) talk(ws *websocket.Conn, still func(context.Context) error) {
	c := &conn{server: s, ws: ws, still: still, checked: time.Now()}
	c.idle.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.line = s.cfg.Hub.Line(c.wake, func() {
		c.end(CloseBehind, "the client is too slow: connect again, and subscribe after the last number")
	})
	s.enter(c)
	defer s.leave(c)
	defer c.leave()
	c.mu.Lock()
	c.timer = time.AfterFunc(s.cfg.Ping, c.tick)
	c.mu.Unlock()
	ws.SetReadLimit(maxMessage)
	ws.SetPongHandler(func(string) error { return c.heard() })
	_ = c.heard()
	for {
		kind, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		_ = c.heard()
		switch {
		case c.ending():
		case kind != websocket.TextMessage:
			c.end(websocket.CloseUnsupportedData, "text messages only: {\"action\":\"SUBSCRIBE\",\"runId\":\"…\"}")
		default:
			c.obey(raw)
		}
	}
}

// leave lets go of everything. The writer has gone then: what it writes to is used for others afterwards.
func (c *conn) leave() {
	c.cancel()
	c.line.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	if c.dead = true; c.code == 0 {
		c.code = websocket.CloseNoStatusReceived // there is nobody to close it for
	}
	if c.writing {
		c.abort()
	}
	for c.writing {
		c.idle.Wait()
	}
}

// abort ends whatever reads from the connection or writes to it.
func (c *conn) abort() { _ = c.ws.NetConn().SetDeadline(time.Unix(1, 0)) }

// heard notes that the client is there.
func (c *conn) heard() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return nil // it has closeWait, and no longer
	}
	return c.ws.SetReadDeadline(time.Now().Add(c.server.cfg.Ping * 5 / 2))
}

func (c *conn) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code != 0
}

// tick asks whether the client is there, and from time to time whether it may be.
func (c *conn) tick() {
	c.mu.Lock()
	c.ping = true
	check := c.still != nil && time.Since(c.checked) >= c.server.cfg.Recheck
	if check {
		c.checked = time.Now()
	}
	if c.code == 0 {
		c.timer.Reset(c.server.cfg.Ping)
	}
	c.mu.Unlock()
	c.wake()
	if check {
		if err := c.still(c.ctx); err != nil {
			c.end(CloseRevoked, err.Error())
		}
	}
}

// obey does what a client asks for.
func (c *conn) obey(raw []byte) {
	var a client.Action
	if err := json.Unmarshal(raw, &a); err != nil {
		c.line.Problem(hub.Target{}, bad("the message is no JSON that is known here: "+err.Error()))
		return
	}
	of, err := target(a)
	if err != nil {
		c.line.Problem(hub.Target{}, err)
		return
	}
	switch strings.ToUpper(a.Action) {
	case client.ActionSubscribe:
		if c.line.Len() >= maxFollow {
			c.line.Unsubscribe(of) // if it is one of them, it is not one more
		}
		if c.line.Len() >= maxFollow {
			err = &client.Problem{Code: client.CodeTooMany, Detail: fmt.Sprintf("one connection follows %d runs at most", maxFollow),
				Fix: "unsubscribe from some, or open another connection"}
			break
		}
		err = c.line.Subscribe(c.ctx, of, hub.From{Snapshot: true, After: a.After})
	case client.ActionUnsubscribe:
		c.line.Unsubscribe(of)
	default:
		err = bad(fmt.Sprintf("nobody knows the action %.64q", a.Action))
	}
	if err != nil {
		c.line.Problem(of, err)
	}
}

// target gives what an action is about: exactly one thing.
func target(a client.Action) (of hub.Target, err error) {
	named := 0
	for _, t := range []struct {
		given bool
		of    hub.Target
	}{{a.RunID != "", hub.Target{Kind: hub.Run, ID: a.RunID}}, {a.JobID != "", hub.Target{Kind: hub.Job, ID: a.JobID}}, {a.Runs, hub.Target{Kind: hub.Runs}}} {
		if t.given {
			of = t.of
			named++
		}
	}
	if named != 1 {
		return of, bad("the message has to name one of runId, jobId and runs")
	}
	return of, nil
}

func bad(detail string) error {
	return &client.Problem{Code: client.CodeBadRequest, Detail: detail, Fix: `send {"action":"SUBSCRIBE","runId":"…"}, or UNSUBSCRIBE`}
}

// wake has somebody write what there is.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more = true; c.writing || c.dead {
		return
	}
	c.writing = true
	go c.write()
}

// end has the connection closed, once what is being written is; the first code counts.
func (c *conn) end(code int, text string) {
	c.mu.Lock()
	if c.code != 0 {
		c.mu.Unlock()
		return
	}
	c.code, c.text = code, text
	_ = c.ws.NetConn().SetWriteDeadline(time.Now().Add(c.server.wait)) // of what is being written
	c.mu.Unlock()
	c.wake()
}

// write writes until there is nothing left.
func (c *conn) write() {
	for {
		c.mu.Lock()
		ping, code, text := c.ping, c.code, c.text
		if !c.more || c.dead {
			c.writing = false
			c.idle.Broadcast()
			c.mu.Unlock()
			return
		}
		c.more, c.ping = false, false
		c.mu.Unlock()
		if code != 0 {
			c.farewell(code, text)
			c.stop()
			continue
		}
		if ping {
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		}
		if b, _ := c.line.Next(c.ctx); b != nil && c.send(b) != nil {
			c.abort() // the reader finds out
			c.stop()
		}
	}
}

// stop has nobody write any more.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// send writes a batch, which is made a frame once for all connections.
func (c *conn) send(b *hub.Batch) error {
	prepared, err := shared(b)
	if err != nil {
		return err
	}
	c.mu.Lock()
	wait := writeWait
	if c.more = true; c.code != 0 {
		wait = c.server.wait
	}
	c.mu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	return c.ws.WritePreparedMessage(prepared)
}

func shared(b *hub.Batch) (*websocket.PreparedMessage, error) {
	type made struct {
		message *websocket.PreparedMessage
		err     error
	}
	m, _ := b.Shared(func(raw []byte) any {
		message, err := websocket.NewPreparedMessage(websocket.TextMessage, raw)
		return made{message, err}
	}).(made)
	return m.message, m.err
}

// farewell says why the connection ends, if that can still be said, and gives the client a moment to say the same.
func (c *conn) farewell(code int, text string) {
	until := time.Now().Add(c.server.wait)
	if code == CloseBehind {
		_ = c.ws.SetWriteDeadline(until)
		_ = c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"`+client.MessageResync+`"}`))
	}
	_ = c.ws.SetReadDeadline(until)
	if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason(text)), until) != nil {
		c.abort()
	}
}

// reason makes a text fit into a close frame.
func reason(text string) string {
	const most = 123
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
