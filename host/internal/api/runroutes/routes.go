// Package runroutes is what the REST API says of runs: making, planning and listing them, what they do and did, what is told to
// them, the queue, the questions they ask, how long they are kept, and the results that later runs may use again.
package runroutes

import (
	"context"
	"io"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Runs are what the API does with runs; ids are whole, but for that of a run to repeat.
type Runs interface {
	// Submit makes a run. Of a submission whose key the owner has used before it gives the run again, Repeated.
	Submit(ctx context.Context, s client.Submission, owner string) (client.Run, error)
	Show(ctx context.Context, id string) (client.Run, error)
	// Tell passes on what a person says to a run: what is one of client's words.
	Tell(ctx context.Context, id, what string, w client.Word, by string) error
	// Explain says why the run, or the node with that name or address, stands where it stands.
	Explain(ctx context.Context, id, node string) (client.Explained, error)
}

// Gates are the questions of runs.
type Gates interface {
	// Gates gives what a run asks people now.
	Gates(ctx context.Context, id string) ([]client.Gate, error)
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

// Attempts are what nodes were given, and how they ended.
type Attempts interface {
	// Attempts gives the last attempts of a node instance, at most limit, the oldest of them first. The node is an address within
	// the run, with its round or without.
	Attempts(ctx context.Context, id, node string, limit int) (client.AttemptList, error)
}

// Live is what runs say while they work.
type Live interface {
	// Reports gives the newest progress of each node, then reports as they come, until ctx ends. A slow
	// reader loses the oldest.
	Reports(ctx context.Context, run string) <-chan client.Report
	// Newest gives the newest progress of each node of a run.
	Newest(run string) []client.Report
	// Said gives the last reports of a run's nodes, at most limit, in order, and how many more it has forgotten; node is as for Logs.
	Said(run, node string, limit int) (reports []client.Report, gone int)
	// Logs gives the run's log as JSON lines; node is empty, a node's name or one instance.
	Logs(run, node string) (io.ReadCloser, error)
}

// Retention is how long runs are kept.
type Retention interface {
	Sweep(ctx context.Context, s client.Sweep) (client.Swept, error)
	Pin(ctx context.Context, id string, on bool) error
}

// Config is what the routes need. Every part but Changes and CacheLimit has to be there.
type Config struct {
	Runs      Runs
	Gates     Gates
	Queue     Queue
	Planner   Planner
	Attempts  Attempts
	Bills     Bills
	Live      Live
	Retention Retention
	Archives  Archives
	Artifacts artifacts.Store
	Journal   store.Journal
	Index     store.Index
	Cache     cache.Store
	// CacheLimit is how many bytes of it stay when somebody tidies up and does not say; 0: they have to.
	CacheLimit int64
	// Changes gives a number that is another one whenever what Show gives of a run may be; 0: nobody knows. nil: nobody ever does.
	Changes func(run string) uint64
	// FirstID gives the id before those of all runs that were made at a time or later.
	FirstID func(time.Time) string
	// Active says whether this process is advancing the run.
	Active func(run string) bool
}

// The limits of what a client may send.
const (
	maxParts = 128     // parts of a multipart body
	maxText  = 1 << 20 // bytes of one text part
	maxKey   = 255     // bytes of a submission's key
)

// Routes are those of runs, and what other routes ask them.
type Routes struct {
	*route.Server
	cfg   Config
	keep  Keep
	shown answers
	hub   *hub.Hub
}

// Keep stores a file of a submission, as it comes in.
type Keep func(ctx context.Context, r io.Reader, name, mediaType string) (sdk.Artifact, error)

// Add adds the routes to a server. job gives a run as the first MySpinBot's programs know it.
func Add(to *route.Server, cfg Config, keep Keep, job func(client.Run) client.Job) *Routes {
	s := &Routes{Server: to, cfg: cfg, keep: keep}
	s.hub = hub.New(hub.Config{Journal: cfg.Journal, Index: cfg.Index, Live: cfg.Live, Show: s.Run, Summary: s.Summary, Problem: route.Problem,
		Job: func(ctx context.Context, id string) (client.Job, error) {
			r, err := s.Run(ctx, id)
			return job(r), err
		}})
	s.runRoutes()
	s.queueRoutes()
	s.cacheRoutes()
	s.gateRoutes()
	s.archiveRoutes()
	s.billRoutes()
	return s
}

// Hub is where everything that happens to runs can be followed.
func (s *Routes) Hub() *hub.Hub { return s.hub }
