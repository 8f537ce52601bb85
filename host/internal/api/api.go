// Package api serves the REST API: Fiber routes over the host's parts, with the JSON shapes of sdk/client. It listens
// on loopback and on the private unix socket, nowhere else; what may only be asked by the machine's own user is asked
// over the socket. Fiber reuses a context's values after the handler has returned, so the app is Immutable and
// nothing of Fiber leaves this package.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Runs are what the API does with runs; ids are whole.
type Runs interface {
	Submit(ctx context.Context, s client.Submission, owner string) (client.Run, error)
	Show(ctx context.Context, id string) (client.Run, error)
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
	Cache     cache.Store
	// CacheLimit is how many bytes of it stay when somebody tidies up and does not say; 0: they have to.
	CacheLimit int64
	// Active says whether this process is advancing the run.
	Active func(run string) bool
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
	closing context.Context
	close   context.CancelFunc
}

// New builds the routes.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg}
	s.closing, s.close = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		AppName:               "spinbot",
		Immutable:             true,
		UnescapePath:          true,
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
	s.app.Use(s.observe, s.steady, s.guard)
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
	}
	server.HeaderReceived = func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
		return fasthttp.RequestConfig{ReadTimeout: uploadTimeout}
	}
	server.Logger = quiet{cfg.Log}
	return s
}

func (s *Server) routes() {
	s.app.Get("/health", s.health)
	s.app.Get("/metrics", s.metrics)
	v1 := s.app.Group("/api/v1")
	v1.Get("/runs", s.listRuns)
	v1.Post("/runs", s.submit)
	v1.Get("/runs/:id", s.showRun)
	v1.Get("/runs/:id/events", s.events)
	v1.Get("/runs/:id/logs", s.logs)
	v1.Get("/runs/:id/explain", s.explain)
	for _, what := range []string{client.WordCancel, client.WordResume, client.WordPause, client.WordAnswer, client.WordDecide, client.WordPrioritize} {
		v1.Post("/runs/:id/"+what, s.tell(what))
	}
	v1.Post("/runs/:id/pin", s.pin(true))
	v1.Post("/runs/:id/unpin", s.pin(false))
	v1.Post("/gc", s.sweep)
	v1.Post("/artifacts", s.upload)
	v1.Get("/artifacts/:digest", s.download)
	v1.Post("/plans", s.plan)
	v1.Get("/queue", s.listQueue)
	for _, what := range []string{"pause", "resume", "clear"} {
		v1.Post("/queue/"+what, s.tellQueue(what))
	}
	v1.Get("/cache", s.listCache)
	v1.Delete("/cache/:key", s.forget)
	v1.Post("/cache/gc", s.shrink)
	v1.Get("/agents", s.listAgents)
	v1.Post("/agents/join", s.joinAgent)
	v1.Post("/agents/:name", s.orderAgent)
	v1.Delete("/agents/:name", s.removeAgent)
	v1.Get("/models", s.listModels)
	v1.Post("/models/fetch", s.fetchModel)
	v1.Get("/devices", s.listDevices)
	v1.Get("/devices/:uuid/series", s.deviceSeries)
	v1.Post("/devices/:uuid/hold", s.holdDevice)
	v1.Post("/devices/:uuid/release", s.releaseDevice)
	v1.Get("/node-types", s.nodeTypes)
	v1.Get("/plugins", s.plugins)
	v1.Post("/plugins/:name/trust", s.trust)
	v1.Post("/pipelines/check", s.check)
	v1.Get("/pipelines", s.listPipelines)
	v1.Get("/pipelines/:name", s.showPipeline)
	v1.Get("/triggers", s.listTriggers)
	v1.Post("/triggers/:pipeline/:name/fire", s.fire)
	s.app.Post(hooks+":pipeline/:name", s.hook)
}

// Listen opens a TCP listener on loopback; any other address is refused.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w; write it like 127.0.0.1:8080", address, err)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: only loopback addresses are served, since there is no sign-in yet; "+
			"use 127.0.0.1, and reach it from elsewhere through an SSH tunnel (ssh -L 8080:127.0.0.1:8080 …)", address)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	if a, ok := ln.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() { // a "localhost" that is somewhere else
		ln.Close()
		return nil, fmt.Errorf("listen on %q: that name is not loopback here; use 127.0.0.1", address)
	}
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

// Close stops listening, ends streams, and waits for requests in flight until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.close()
	return s.app.Server().ShutdownWithContext(ctx)
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
	return &client.Problem{Code: client.CodeInternal, Detail: fmt.Sprintf("the host made a mistake: %v", r)}
}

// quiet hands what the HTTP server prints to the log, at debug: broken connections are no news.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	if q.log != nil {
		q.log.Debug(fmt.Sprintf(format, args...))
	}
}
