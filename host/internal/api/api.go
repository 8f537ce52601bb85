// Package api serves the REST API: it puts the routes together, those of runs, pipelines, files, the fleet, accounts and assets, and adds
// those of the server itself. The JSON shapes are sdk/client's. It listens on the private unix socket and on loopback, and
// elsewhere once everybody has to sign in; what may only be asked by the machine's own user is asked over the socket.
package api

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/myspinbot/spinbot/host/internal/api/accountroutes"
	"github.com/myspinbot/spinbot/host/internal/api/assetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fileroutes"
	"github.com/myspinbot/spinbot/host/internal/api/fleetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/pipelineroutes"
	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/api/runroutes"
	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what the API serves. Metrics have to be there.
type Config struct {
	Route     route.Config
	Runs      runroutes.Config
	Pipelines pipelineroutes.Config
	Files     fileroutes.Config
	Fleet     fleetroutes.Config
	Accounts  accountroutes.Config
	Assets    assetroutes.Assets

	Version string
	// Train is the file of the pipeline that POST /api/train makes runs of where none in the host's folders is called train; empty: there is none.
	Train string
	// Metrics writes the Prometheus text form.
	Metrics func(w io.Writer) error
	// Checks are what /health tries, by name; nil: nothing.
	Checks map[string]func(ctx context.Context) error
	// Edit is a language server for a pipeline in the host's folders, whose files it reads, or for one that is not there yet. It
	// says why it ends; nil: there is none.
	Edit func(ctx context.Context, pipeline string, with *socket.Pipe) error
	// Pages are the files of the web interface; nil: it was not built.
	Pages fs.FS
}

// Server serves the API on any number of listeners.
type Server struct {
	*route.Server
	cfg     Config
	runs    *runroutes.Routes
	sockets *socket.Server
	editors *socket.Pipes
}

// New builds the routes.
func New(cfg Config) *Server {
	s := &Server{Server: route.New(cfg.Route), cfg: cfg}
	keep := func(ctx context.Context, r io.Reader, name, mediaType string) (sdk.Artifact, error) {
		return fileroutes.Put(ctx, cfg.Files.Artifacts, r, name, mediaType)
	}
	s.runs = runroutes.Add(s.Server, cfg.Runs, keep, s.jobOf)
	pipelineroutes.Add(s.Server, cfg.Pipelines)
	fileroutes.Add(s.Server, cfg.Files)
	fleetroutes.Add(s.Server, cfg.Fleet)
	accountroutes.Add(s.Server, cfg.Accounts)
	assetroutes.Add(s.Server, cfg.Assets)
	s.sockets = socket.New(socket.Config{Hub: s.Hub(), Log: cfg.Route.Log})
	s.editors = socket.NewPipes(socket.PipeConfig{Log: cfg.Route.Log})
	s.ownRoutes()
	s.seedRoutes()
	s.pageRoutes() // last: they answer what nothing else does
	s.Ready()
	return s
}

// Hub is where everything that happens to runs can be followed.
func (s *Server) Hub() *hub.Hub { return s.runs.Hub() }

// Gone forgets what was answered of a run that was removed.
func (s *Server) Gone(run string) { s.runs.Gone(run) }

// Sockets is how many WebSockets are connected.
func (s *Server) Sockets() int { return s.sockets.Len() }

// Close stops listening, ends streams and WebSockets, and waits for requests in flight until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.Stop()
	left := errors.Join(s.editors.Close(ctx), s.sockets.Close(ctx))
	err := s.Server.Close(ctx)
	s.Hub().Close()
	return errors.Join(err, left)
}
