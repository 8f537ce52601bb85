// Package socket is the WebSockets of the API: each connection of a Server is a line of the hub, each Pipe carries another
// protocol. It owns what clients may send, how connections are kept alive, checked again, cut and closed. Who may connect was
// decided before. An idle connection of a Server takes one goroutine, the one that reads; another one writes while there is
// something to write.
package socket

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	fiberws "github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
)

// Close codes of our own, beside those of RFC 6455.
const (
	CloseRevoked = 4401 // who connected may not be here any more
	CloseBehind  = 4008 // the client was too slow: connect again, and subscribe after the last number
)

// The limits of a connection.
const (
	maxMessage = 64 << 10 // bytes of what a client sends at once
	maxFollow  = 256      // subscriptions
	writeWait  = 30 * time.Second
	closeWait  = time.Second // for what is still to be written, and for the client's farewell
)

// Config is what a server is made of.
type Config struct {
	Hub *hub.Hub
	// Ping is how often a client is asked whether it is there, 0: 20 s. One that was not heard for two and a half times as
	// long is gone.
	Ping time.Duration
	// Recheck is how often it is asked whether who connected may still be here; 0: each minute.
	Recheck time.Duration
	Log     *slog.Logger
}

// Server has the connections.
type Server struct {
	cfg  Config
	wait time.Duration // closeWait

	mu      sync.Mutex
	conns   map[*conn]bool
	closing bool
	gone    chan struct{} // closed when there are no conns any more, and closing
}

// New makes a server without connections.
func New(cfg Config) *Server {
	if cfg.Ping == 0 {
		cfg.Ping = 20 * time.Second
	}
	if cfg.Recheck == 0 {
		cfg.Recheck = time.Minute
	}
	return &Server{cfg: cfg, wait: closeWait, conns: map[*conn]bool{}, gone: make(chan struct{})}
}

// writeBuffers would be for messages that are not prepared; there are none.
var writeBuffers sync.Pool

// Serve makes a request a connection that lasts until either side closes it. still is asked again and again whether who
// connected may be here; nil: nobody asks. It may outlive the request.
func (s *Server) Serve(c *fiber.Ctx, still func(context.Context) error) error {
	return fiberws.New(func(ws *fiberws.Conn) { s.talk(ws.Conn, still) }, fiberws.Config{ReadBufferSize: 256, WriteBufferSize: 256,
		WriteBufferPool: &writeBuffers, RecoverHandler: recovered(s.cfg.Log)})(c)
}

// recovered has a panic end one connection, and nothing else.
func recovered(log *slog.Logger) func(*fiberws.Conn) {
	return func(*fiberws.Conn) {
		if r := recover(); r != nil && log != nil {
			log.Error("panic in a WebSocket", "error", r)
		}
	}
}

// Len is how many connections there are.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Close tells every client that the host goes away, and waits for them until ctx ends. Who connects from then on is told
// the same. It is called once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.check()
	for c := range s.conns {
		c.end(websocket.CloseGoingAway, leaving)
	}
	s.mu.Unlock()
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	<-s.gone
	return context.Cause(ctx)
}

const leaving = "the host ends; connect again, and subscribe after the last number"

// enter takes in a connection.
func (s *Server) enter(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	if s.closing {
		c.end(websocket.CloseGoingAway, leaving)
	}
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.check()
}

// check tells Close when nobody is there any more. mu is held.
func (s *Server) check() {
	if !s.closing || len(s.conns) > 0 {
		return
	}
	select {
	case <-s.gone:
	default:
		close(s.gone)
	}
}
