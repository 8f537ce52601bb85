// Package api serves the REST API: Fiber routes over the host's parts, with the JSON shapes of sdk/client. It listens
// on the private unix socket and on loopback, and elsewhere once everybody has to sign in; what may only be asked by the
// machine's own user is asked over the socket. Every route is an Op. Fiber reuses a context's values after the handler has returned, so the app is Immutable and
// nothing of Fiber leaves this package.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Runs are what the API does with runs; ids are whole, but for that of a run to repeat.
type Runs interface {
	// Submit makes a run. Of a submission whose key the owner has used before it gives the run again, Repeated.
	Submit(ctx context.Context, s client.Submission, owner string) (client.Run, error)
	Show(ctx context.Context, id string) (client.Run, error)
	// Gates gives what a run asks people now.
	Gates(ctx context.Context, id string) ([]client.Gate, error)
	// Tell passes on what a person says to a run: what is one of client's words.
	Tell(ctx context.Context, id, what string, w client.Word, by string) error
	// Explain says why the run, or the node with that name or address, stands where it stands.
	Explain(ctx context.Context, id, node string) (client.Explained, error)
}

// Queue is what the API does with runs that wait for their turn.
type Queue interface {
	// Queue lists the first of them, at most limit.
	Queue(ctx context.Context, limit int) (client.Queue, error)
	// TellQueue pauses the queue ("pause"), lets it go on ("resume") or cancels all that waits in it ("clear").
	TellQueue(ctx context.Context, what, by string) error
	// Move puts a run that waits right before another one, or right behind it; without another, before all.
	Move(ctx context.Context, run, other string, behind bool, by string) error
}

// Planner says what a run would do.
type Planner interface {
	Plan(ctx context.Context, s client.Submission) (client.Plan, error)
}

// Catalog is what the API says about pipelines and node types.
type Catalog interface {
	NodeTypes(ctx context.Context) (client.NodeTypeList, error)
	Plugins(ctx context.Context) ([]client.Plugin, error)
	Trust(ctx context.Context, name string) (client.Plugin, error)
	Check(ctx context.Context, s client.Source, graph string) (client.Checked, error)
}

// Live is what runs say while they work.
type Live interface {
	// Reports gives the newest progress of each node, then reports as they come, until ctx ends. A slow
	// reader loses the oldest.
	Reports(ctx context.Context, run string) <-chan client.Report
	// Newest gives the newest progress of each node of a run.
	Newest(run string) []client.Report
	// Said gives the last reports of a run's nodes, at most limit, in order; node is as for Logs.
	Said(run, node string, limit int) []client.Report
	// Logs gives the run's log as JSON lines; node is empty, a node's name or one instance.
	Logs(run, node string) (io.ReadCloser, error)
}

// Retention is how long runs are kept.
type Retention interface {
	Sweep(ctx context.Context, s client.Sweep) (client.Swept, error)
	Pin(ctx context.Context, id string, on bool) error
}

// Config is what the API serves. Every part but Observe and Checks has to be there.
type Config struct {
	Version   string
	Runs      Runs
	Queue     Queue
	Planner   Planner
	Catalog   Catalog
	Pipelines Pipelines
	Triggers  Triggers
	Live      Live
	Retention Retention
	Devices   Devices
	Agents    Agents
	Models    Models
	Journal   store.Journal
	Index     store.Index
	Artifacts artifacts.Store
	Uploads   *uploads.Uploads
	Previews  Previews
	Lineage   Lineage
	// Name hides what is sensitive in the name of a file.
	Name  func(string) string
	Cache cache.Store
	// CacheLimit is how many bytes of it stay when somebody tidies up and does not say; 0: they have to.
	CacheLimit int64
	// Changes gives a number that is another one whenever what Show gives of a run may be; 0: nobody knows. nil: nobody ever does.
	Changes func(run string) uint64
	// FirstID gives the id before those of all runs that were made at a time or later.
	FirstID func(time.Time) string
	// Active says whether this process is advancing the run.
	Active func(run string) bool
	// Hosts may stand in a Host header beside loopback ones, in lower case.
	Hosts []string
	// Patience is how long a stream may bring less than 16 KiB before it is cut off; 0: 30 s.
	Patience time.Duration
	// Secure has browsers send their cookies over TLS alone: somebody else ends it.
	Secure bool
	// Accounts say who somebody is; as long as there is no token, who reaches the listener is an operator. Trail is told of
	// everything that somebody changed, or tried to.
	Accounts *auth.Accounts
	Trail    *auth.Trail
	// Provider lets people sign in elsewhere; nil: with tokens alone.
	Provider *oidc.Provider
	// Metrics writes the Prometheus text form.
	Metrics func(w io.Writer) error
	// Observe is told of every request; route is the pattern, never the path.
	Observe func(method, route string, status int, took time.Duration)
	// Checks are what /health tries, by name.
	Checks map[string]func(ctx context.Context) error
	Log    *slog.Logger
}

// The limits of what a client may send.
const (
	maxJSON     = 32 << 20 // bytes of a JSON body
	maxArtifact = 16 << 30 // bytes of one artifact
	maxParts    = 128      // parts of a multipart body
	maxText     = 1 << 20  // bytes of one text part
	maxKey      = 255      // bytes of a submission's key
	maxHeaders  = 16 << 10
	pageSize    = 100
	maxPage     = 1000

	headerTimeout = 10 * time.Second
	uploadTimeout = 6 * time.Hour
)

// Server serves the API on any number of listeners.
type Server struct {
	cfg     Config
	app     *fiber.App
	huma    huma.API
	ops     []Op
	shown   answers
	wide    atomic.Bool // it listens on more than loopback
	hub     *hub.Hub
	sockets *socket.Server
	closing context.Context
	close   context.CancelFunc
}

// New builds the routes.
func New(cfg Config) *Server {
	cfg.Patience = cmp.Or(cfg.Patience, 30*time.Second)
	s := &Server{cfg: cfg}
	s.closing, s.close = context.WithCancel(context.Background())
	s.openHub()
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
		ReadBufferSize:               maxHeaders,
		ReadTimeout:                  headerTimeout,
		IdleTimeout:                  2 * time.Minute,
		ErrorHandler:                 s.fail,
	})
	s.app.Use(s.observe, s.tidy, s.steady, s.guard)
	s.describe()
	s.routes()
	handle := s.app.Handler() // builds the stack, so that several listeners may serve at once
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
		return fasthttp.RequestConfig{ReadTimeout: s.cfg.Patience} // of what is read before the handler starts; see paced
	}
	server.Logger = quiet{cfg.Log}
	return s
}

func (s *Server) routes() {
	s.bare(Op{ID: "health", Method: get, Path: "/health", Need: Anyone, Summary: "Whether the host is well"}, func(o *huma.Operation) {
		s.returns(o, "200", "It is.", "application/json", schemaOf[client.Health](s))
		s.returns(o, "503", "It is not.", "application/json", schemaOf[client.Health](s))
	}, s.health)
	s.bare(Op{ID: "metrics", Method: get, Path: "/metrics", Need: Viewer, Summary: "Metrics in the text form of Prometheus"}, func(o *huma.Operation) {
		s.returns(o, "200", "The metrics.", "text/plain", textSchema)
	}, s.metrics)
	s.bare(Op{ID: "openapi", Method: get, Path: "/api/openapi.json", Need: Anyone, Summary: "This description"}, nil, s.openapi)
	s.liveRoutes()
	s.runRoutes()
	s.queueRoutes()
	s.artifactRoutes()
	s.uploadRoutes()
	s.previewRoutes()
	s.lineageRoutes()
	s.cacheRoutes()
	s.pipelineRoutes()
	s.catalogRoutes()
	s.triggerRoutes()
	s.agentRoutes()
	s.modelRoutes()
	s.deviceRoutes()
	s.seedRoutes()
	s.accountRoutes()
	s.userRoutes()
	s.gateRoutes()
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

// Serve answers on a listener until Close. It may be called for several.
func (s *Server) Serve(ln net.Listener) error {
	err := s.app.Server().Serve(ln)
	if s.closing.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close stops listening, ends streams and WebSockets, and waits for requests in flight until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.close()
	left := s.sockets.Close(ctx)
	err := s.app.Server().ShutdownWithContext(ctx)
	s.hub.Close()
	return errors.Join(err, left)
}

func (s *Server) health(c *fiber.Ctx) error {
	h := client.Health{Status: "ok", Version: s.cfg.Version, Checks: map[string]string{}}
	for name, check := range s.cfg.Checks {
		h.Checks[name] = "ok"
		if err := check(c.UserContext()); err != nil {
			h.Status, h.Checks[name] = "failing", err.Error()
		}
	}
	if h.Status != "ok" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(h)
}

func (s *Server) metrics(c *fiber.Ctx) error {
	c.Type("txt", "utf-8")
	return s.cfg.Metrics(c)
}

func (s *Server) openapi(c *fiber.Ctx) error {
	raw, err := json.Marshal(s.OpenAPI())
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/openapi+json")
	return c.Send(raw)
}

// observe tells of every request once its answer is known.
func (s *Server) observe(c *fiber.Ctx) error {
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
			err = s.panicked(r)
		}
	}()
	return c.Next()
}

func (s *Server) panicked(r any) error {
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
