// Package route is what all routes of the REST API are made of: an Op says what can be asked and who may, a Server holds
// them, looks at every request before a handler does, and listens. It bounds bodies, reads and writes JSON, describes itself
// as OpenAPI, and turns errors into answers. It knows nothing of what is asked: see the packages beside it. Fiber reuses a
// context's values after the handler has returned, so the app is Immutable, and nothing of Fiber leaves the packages of the API.
package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what a Server needs. Accounts and Trail have to be there.
type Config struct {
	// Accounts say who somebody is; as long as there is no token, who reaches the listener is an operator. Trail is told of
	// everything that somebody changed, or tried to.
	Accounts *auth.Accounts
	Trail    *auth.Trail
	// Hosts may stand in a Host header beside loopback ones, in lower case.
	Hosts []string
	// Proxies are whose X-Forwarded-For says where a request is from.
	Proxies []netip.Prefix
	// Patience is how long a stream may bring less than 16 KiB before it is cut off; 0: 30 s.
	Patience time.Duration
	// Observe is told of every request; route is the pattern, never the path.
	Observe func(method, route string, status int, took time.Duration)
	Log     *slog.Logger
}

// MaxHeaders is how many bytes the head of a request may have.
const MaxHeaders = 16 << 10

const headerTimeout = 10 * time.Second

// Server serves routes on any number of listeners. Routes are added before the first is served.
type Server struct {
	cfg     Config
	app     *fiber.App
	huma    huma.API
	ops     []Op
	wide    atomic.Bool // it listens on more than loopback
	leaving atomic.Bool // what comes may be refused
	closing context.Context
	close   context.CancelFunc

	spells    spells
	unwritten atomic.Int64 // deeds that could not be written down, since the last one that was
}

// New makes a Server without routes.
func New(cfg Config) *Server {
	cfg.Patience = cmp.Or(cfg.Patience, 30*time.Second)
	s := &Server{cfg: cfg}
	s.closing, s.close = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		AppName:               "spinbot",
		Immutable:             true,
		UnescapePath:          true,
		StrictRouting:         true,
		DisableStartupMessage: true,
		StreamRequestBody:     true,
		// Forms would be read whole, into memory and temporary files, before the guard has looked at the request.
		DisablePreParseMultipartForm: true,
		BodyLimit:                    64 << 10, // what is read before the handler starts; handlers set their own limits
		ReadBufferSize:               MaxHeaders,
		ReadTimeout:                  headerTimeout,
		IdleTimeout:                  2 * time.Minute,
		ErrorHandler:                 s.fail,
	})
	s.app.Use(s.observe, s.tidy, s.steady, s.guard)
	s.describe()
	return s
}

// Ready ends the adding of routes: from now on several listeners may be served at once.
func (s *Server) Ready() {
	handle := s.app.Handler() // builds the stack
	server := s.app.Server()
	server.Handler = func(c *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(c.Method())) {
			handle(c)
			return
		}
		f := s.app.AcquireCtx(c) // Fiber would answer without us, and leave the body
		defer s.app.ReleaseCtx(f)
		_ = s.fail(f, fiber.ErrMethodNotAllowed)
		c.SetConnectionClose()
	}
	server.HeaderReceived = func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
		return fasthttp.RequestConfig{ReadTimeout: s.cfg.Patience} // of what is read before the handler starts; see Body
	}
	server.Logger = quiet{s.cfg.Log}
}

// Listen opens a TCP listener. On other addresses than loopback it does so only where everybody has to sign in.
func (s *Server) Listen(address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("listen on %q: %w; write it like 127.0.0.1:8080", address, err)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	if a, ok := ln.Addr().(*net.TCPAddr); ok && a.IP.IsLoopback() {
		return ln, nil
	}
	if !s.cfg.Accounts.Required() {
		ln.Close()
		return nil, fmt.Errorf("listen on %q: other machines could reach it, and nobody would have to sign in; make a token first (spinbot token new NAME --role admin), "+
			"or listen on 127.0.0.1 and use an SSH tunnel (ssh -L 8080:127.0.0.1:8080 …)", address)
	}
	s.wide.Store(true)
	return ln, nil
}

// Serve answers on a listener until Close. It may be called for several, once all routes are Ready.
func (s *Server) Serve(ln net.Listener) error {
	err := s.app.Server().Serve(ln)
	if s.closing.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Closing is done once Stop or Close was called: streams end with it.
func (s *Server) Closing() context.Context { return s.closing }

// Leave says that the host ends: what it refuses from now on is no failure.
func (s *Server) Leave() { s.leaving.Store(true) }

// Stop ends streams, and nothing else.
func (s *Server) Stop() { s.close() }

// Close stops listening, ends streams, and waits for requests in flight until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.close()
	return s.app.Server().ShutdownWithContext(ctx)
}

// observe tells of every request once its answer is known.
func (s *Server) observe(c *fiber.Ctx) error {
	s.tellOver()
	if s.cfg.Observe == nil {
		return c.Next()
	}
	start := time.Now()
	err := c.Next()
	if err != nil {
		err = s.fail(c, err)
	}
	route := c.Route().Path
	if c.Response().StatusCode() == fiber.StatusNotFound && !strings.Contains(route, ":") {
		route = "other" // unknown paths are not a dimension
	}
	s.cfg.Observe(c.Method(), route, c.Response().StatusCode(), time.Since(start))
	return err
}

// steady makes a panic an answer like any other.
func (s *Server) steady(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = s.Panicked(r)
		}
	}()
	return c.Next()
}

// Panicked logs what was recovered, and gives what to say of it. Handlers need no recover, what they start to stream does.
func (s *Server) Panicked(r any) error {
	if s.cfg.Log != nil {
		s.cfg.Log.Error("panic", "error", r, "stack", string(debug.Stack()))
	}
	return &client.Problem{Code: client.CodeInternal, Detail: "the host made a mistake", Fix: "its log says which"}
}

// quiet hands what the HTTP server prints to the log, at debug: broken connections are no news.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	if q.log != nil {
		q.log.Debug(fmt.Sprintf(format, args...))
	}
}
