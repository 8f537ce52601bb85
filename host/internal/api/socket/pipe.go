package socket

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	fiberws "github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
)

// Close codes of pipes, beside CloseRevoked.
const (
	CloseIdle    = 4408 // the client has said nothing for long: connect again with the next thing that there is to say
	CloseTooMany = 4429 // there are as many connections as there may be
)

// PipeConfig is what pipes are made of. 0 is what is said of each.
type PipeConfig struct {
	// All is how many connections there may be, 64; Each how many of one user, 16.
	All, Each int
	// Message is how many bytes a client may send at once: 8 MiB.
	Message int64
	// Idle is for how long a client may say nothing: 30 minutes. Ping and Recheck are as in Config.
	Idle, Ping, Recheck time.Duration
	Log                 *slog.Logger
}

// Pipes are WebSockets that carry the messages of another protocol, one in each text message. What they say is the business of
// who talks; who may be there, how many, how long and how much is theirs.
type Pipes struct {
	cfg PipeConfig

	mu      sync.Mutex
	open    map[*Pipe]string // by whom
	closing bool
	fewer   sync.Cond // of mu: one is gone
}

// NewPipes makes a server of pipes that has none yet.
func NewPipes(cfg PipeConfig) *Pipes {
	or := func(v *time.Duration, otherwise time.Duration) {
		if *v == 0 {
			*v = otherwise
		}
	}
	or(&cfg.Idle, 30*time.Minute)
	or(&cfg.Ping, 20*time.Second)
	or(&cfg.Recheck, time.Minute)
	if cfg.All == 0 {
		cfg.All = 64
	}
	if cfg.Each == 0 {
		cfg.Each = 16
	}
	if cfg.Message == 0 {
		cfg.Message = 8 << 20
	}
	s := &Pipes{cfg: cfg, open: map[*Pipe]string{}}
	s.fewer.L = &s.mu
	return s
}

// Serve makes a user's request a connection over which talk talks, until either ends it; why talk ends it the client is told.
// still is asked again and again whether the user may be here; nil: nobody asks. Both may outlive the request.
func (s *Pipes) Serve(c *fiber.Ctx, user string, still func(context.Context) error, talk func(context.Context, *Pipe) error) error {
	return fiberws.New(func(ws *fiberws.Conn) { s.serve(ws.Conn, user, still, talk) }, fiberws.Config{RecoverHandler: recovered(s.cfg.Log)})(c)
}

func (s *Pipes) serve(ws *websocket.Conn, user string, still func(context.Context) error, talk func(context.Context, *Pipe) error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &Pipe{ws: ws, heard: time.Now(), patience: s.cfg.Ping * 5 / 2}
	if !s.enter(p, user) {
		return
	}
	defer s.leave(p)
	defer p.end(websocket.CloseInternalServerErr, "") // unless there was a reason before
	ws.SetReadLimit(s.cfg.Message)
	ws.SetPongHandler(func(string) error { return p.alive() })
	_ = p.alive()
	var watching sync.WaitGroup
	defer watching.Wait() // what it writes to is used for others afterwards
	defer cancel()
	watching.Go(func() { s.watch(ctx, p, still) })
	if err := talk(ctx, p); err != nil {
		p.end(websocket.ClosePolicyViolation, err.Error())
		p.drain()
		return
	}
	p.end(websocket.CloseNormalClosure, "")
}

// enter takes a connection in, or tells it why not.
func (s *Pipes) enter(p *Pipe, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for _, other := range s.open {
		if other == user {
			own++
		}
	}
	switch {
	case s.closing:
		p.end(websocket.CloseGoingAway, goingAway)
	case len(s.open) >= s.cfg.All:
		p.end(CloseTooMany, fmt.Sprintf("%d editors are open, as many as there may be: close one", s.cfg.All))
	case own >= s.cfg.Each:
		p.end(CloseTooMany, fmt.Sprintf("%s has %d editors open, as many as one may: close one", user, s.cfg.Each))
	default:
		s.open[p] = user
		return true
	}
	return false
}

const goingAway = "the host ends: connect again"

func (s *Pipes) leave(p *Pipe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, p)
	s.fewer.Broadcast()
}

// Len is how many connections there are.
func (s *Pipes) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Close ends every connection, lets none in any more, and waits for those who talk until ctx ends.
func (s *Pipes) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	var ending sync.WaitGroup
	for _, p := range open {
		ending.Go(func() { p.end(websocket.CloseGoingAway, goingAway) })
	}
	ending.Wait()
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fewer.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.open) > 0 && ctx.Err() == nil {
		s.fewer.Wait()
	}
	if len(s.open) > 0 {
		return context.Cause(ctx)
	}
	return nil
}

// watch asks whether the client is there, may be, and does anything.
func (s *Pipes) watch(ctx context.Context, p *Pipe, still func(context.Context) error) {
	tick := time.NewTicker(s.cfg.Ping)
	defer tick.Stop()
	checked := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.silent() >= s.cfg.Idle {
			p.end(CloseIdle, "nothing was said for long: connect again")
			return
		}
		_ = p.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(closeWait))
		if still == nil || time.Since(checked) < s.cfg.Recheck {
			continue
		}
		checked = time.Now()
		if err := still(ctx); err != nil && ctx.Err() == nil {
			p.end(CloseRevoked, err.Error())
			return
		}
	}
}

// Pipe is one connection. One goroutine at a time receives.
type Pipe struct {
	ws       *websocket.Conn
	patience time.Duration // for a client of which nothing is heard, not even that it is there

	writing sync.Mutex // one message is written at a time
	mu      sync.Mutex
	heard   time.Time // when the last message came
	ended   bool      // the client was told so
	closed  bool      // nobody receives any more
}

// Recv gives the next message; io.EOF when the connection ends.
func (p *Pipe) Recv() ([]byte, error) {
	for {
		kind, raw, err := p.ws.ReadMessage()
		if err != nil {
			return nil, io.EOF
		}
		p.mu.Lock()
		p.heard = time.Now()
		ended := p.ended
		p.mu.Unlock()
		switch {
		case ended: // what was on its way when the client was told
		case kind != websocket.TextMessage:
			p.end(websocket.CloseUnsupportedData, "text messages only")
		default:
			return raw, p.alive()
		}
	}
}

// Send sends a message. A client that does not take it within half a minute is gone.
func (p *Pipe) Send(message []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	err := p.ws.SetWriteDeadline(time.Now().Add(writeWait))
	if err == nil {
		err = p.ws.WriteMessage(websocket.TextMessage, message)
	}
	if err != nil {
		_ = p.Close()
	}
	return err
}

// Close ends a Recv that waits. The client is told once who talks is done.
func (p *Pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.ws.SetReadDeadline(time.Unix(1, 0))
}

// alive notes that the client is there.
func (p *Pipe) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.closed {
		return nil
	}
	return p.ws.SetReadDeadline(time.Now().Add(p.patience))
}

// silent is for how long nothing was said.
func (p *Pipe) silent() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.heard)
}

// end tells the client why, and gives it a moment to say the same. The first reason counts.
func (p *Pipe) end(code int, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	until := time.Now().Add(closeWait)
	_ = p.ws.NetConn().SetWriteDeadline(until) // of what is being written
	_ = p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason(why)), until)
	if !p.closed {
		_ = p.ws.SetReadDeadline(until)
	}
}

// drain reads what the client still sends: unread, it would take the farewell with it.
func (p *Pipe) drain() {
	_ = p.ws.SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.Copy(io.Discard, p.ws.NetConn())
}
