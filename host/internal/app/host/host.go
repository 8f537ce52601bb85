// Package host wires one host: the store, artifacts, the catalog, executors, the engine and the API over a held state
// directory. It is the only place where they meet, and holds no logic of theirs.
package host

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api"
	"github.com/myspinbot/spinbot/host/internal/app/host/advance"
	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/host/archives"
	"github.com/myspinbot/spinbot/host/internal/app/host/assets"
	"github.com/myspinbot/spinbot/host/internal/app/host/authoring"
	"github.com/myspinbot/spinbot/host/internal/app/host/finding"
	"github.com/myspinbot/spinbot/host/internal/app/host/modelfiles"
	"github.com/myspinbot/spinbot/host/internal/app/host/nodetypes"
	"github.com/myspinbot/spinbot/host/internal/app/host/placing"
	"github.com/myspinbot/spinbot/host/internal/app/host/runs"
	"github.com/myspinbot/spinbot/host/internal/app/host/submission"
	"github.com/myspinbot/spinbot/host/internal/app/host/triggers"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/bills"
	"github.com/myspinbot/spinbot/host/internal/cache"
	cachedir "github.com/myspinbot/spinbot/host/internal/cache/dir"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/collector"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/host/internal/previews"
	"github.com/myspinbot/spinbot/host/internal/reports"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/telemetry"
	"github.com/myspinbot/spinbot/host/internal/tracing"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Host is everything that advances runs on one machine.
type Host struct {
	cfg       Config
	file      atomic.Pointer[config.Config] // cfg.File, until Reconfigure
	store     journalStore
	sharing   *advance.Sharing // nil: every run of the store is this host's
	advance   *advance.Runs
	versions  *runs.Versions
	silence   *runs.Silence
	runs      *runs.Runs
	submit    *submission.Maker
	artifacts artifacts.Store
	files     artifacts.Keeper
	uploads   *uploads.Uploads
	previews  *previews.Previews
	cache     cache.Store
	sweeper   *retention.Sweeper
	bills     *bills.Keeper
	schedule  *retention.Schedule
	room      *retention.Room
	wasm      *wasmexec.Executor
	state     *sqlstore.State
	plugins   *pluginexec.Executor
	types     *nodetypes.Types
	catalog   *catalog.Catalog
	secrets   *secrets.Vault
	library   *library.Library
	assets    *assets.Shelf
	lineage   *lineage.Lineage
	search    *finding.Finder // nil: artifacts are found by their names alone
	engine    *engine.Engine
	pipelines *pipelines.Folders
	authoring *authoring.Pipelines
	triggers  *triggers.Triggers
	metrics   *telemetry.Metrics
	tracer    *tracing.Tracer // nil: nothing is traced
	machine   *machine.Machine
	fleet     *agents.Fleet // nil: there is this machine alone
	devices   *probe.Watch
	leases    *leases.Keeper
	placing   *placing.Placing
	models    *modelfiles.Files
	archives  *archives.Archives
	reports   *reports.Reports
	collector *collector.Collector
	accounts  *auth.Accounts
	provider  *oidc.Provider // nil: people sign in with tokens alone
	trail     *auth.Trail
	api       *api.Server
	socket    *local.Listener
	client    *client.Client

	failed    chan error
	listeners []net.Listener
	serving   sync.WaitGroup
	unlook    func() // ends what looks at the disks
	// untrigger ends what fires triggers; Close waits for it.
	untrigger func()

	stopServing context.CancelFunc // set by Serve
	announce    atomic.Bool        // the host serves: what it lacks is said aloud
}

// Open opens the store and serves the API on the private socket. It resumes nothing: see Serve.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	h := &Host{cfg: cfg, failed: make(chan error, 4), untrigger: func() {}, unlook: func() {}, metrics: telemetry.New(cfg.Version), versions: runs.NewVersions(), silence: runs.NewSilence()}
	h.collector = collector.New(func() bool { return h.advance.Any() })
	if err := h.open(ctx); err != nil {
		return nil, errors.Join(err, h.closeParts(ctx))
	}
	path, err := cfg.State.Socket()
	if err == nil {
		h.socket, err = cfg.State.Listen(cfg.Lock)
	}
	if err != nil {
		return nil, errors.Join(err, h.closeParts(ctx))
	}
	h.client = client.Unix(path)
	h.serve(h.socket)
	return h, nil
}

func (h *Host) serve(ln net.Listener) {
	h.listeners = append(h.listeners, ln)
	h.serving.Go(func() {
		if err := h.api.Serve(ln); err != nil {
			h.failed <- fmt.Errorf("listening on %s: %w", ln.Addr(), err)
		}
	})
}

func (h *Host) open(ctx context.Context) error {
	state := h.cfg.State
	var err error
	if h.cfg.Environ == nil {
		h.cfg.Environ = os.Environ()
	}
	if h.cfg.File == nil {
		h.cfg.File = config.Default()
	}
	h.file.Store(h.cfg.File)
	h.secrets = secrets.New(secrets.Config{KeyFile: state.HostKey(), Dir: state.Secrets(), Files: h.cfg.SecretFiles,
		Commands: h.cfg.SecretCommands, Environ: h.cfg.Environ})
	mask := h.secrets.Mask()
	h.trace()
	plain := h.tracer.Logs(h.cfg.Log.Handler())
	h.cfg.Log = slog.New(mask.Handler(plain))
	if err = h.openStore(ctx); err != nil {
		return err
	}
	files, err := h.openArtifacts(ctx)
	if err != nil {
		return err
	}
	h.artifacts, h.files = artifacts.Names(h.metrics.Artifacts(files), mask.String), files
	if h.uploads, err = uploads.Open(filepath.Join(cmp.Or(h.cfg.ArtifactsDir, state.Artifacts()), "uploads"), h.artifacts, time.Now); err != nil {
		return err
	}
	h.reports = reports.New(state.Logs(), h.store, func(id string) bool { return h.advance.Active(id) })
	taskLogger := slog.New(mask.Handler(h.reports.Files().Handler(plain)))
	h.state = sqlstore.NewState(state.NodeState())
	h.openAssets()
	h.types = nodetypes.New(nodetypes.Config{Folders: h.cfg.folders(), Library: h.library, File: h.file.Load, Vault: h.secrets, Members: func() []fleet.Member { return h.fleet.Members() }})
	h.wasm = wasmexec.New(wasmexec.Config{CacheDir: state.Modules(), Resolve: h.types.Module, Ceilings: h.cfg.Limits,
		Grants: h.types.Grants, Secret: h.secrets.Value, KV: h.state, Log: taskLogger})
	h.machine, err = machine.New(machine.Config{State: state, Version: h.cfg.Version, File: h.cfg.File, Probe: h.cfg.Probe, Devices: h.cfg.Devices, Environ: h.cfg.Environ,
		Resolve: h.types.Binary, Program: h.types.Program, Configure: h.types.Configure, Parks: h.types.Parks, Crawls: func(id string) bool { return h.placing.Crawls(id) }, Changed: h.machineChanged, Stocked: func(bool) { h.machineChanged() }, Started: h.metrics.Started,
		Empty: h.noDevices, Log: h.cfg.Log, TaskLog: taskLogger})
	if err != nil {
		return err
	}
	h.plugins, h.devices, h.leases = h.machine.Plugins, h.machine.Devices, h.machine.Leases
	h.metrics.Devices(func() []device.Device { return h.devices.Inventory().Devices })
	if h.cache, err = cachedir.Open(state.Results(), time.Now, h.cfg.Log); err != nil {
		return err
	}
	h.openBills()
	h.retain()
	if err := h.openFleet(ctx); err != nil {
		return err
	}
	h.openAdvance()
	var elsewhere func() ([]catalog.Entry, string)
	if h.fleet != nil {
		elsewhere = h.fleet.Elsewhere
	}
	h.types.Open(h.wasm, h.plugins, elsewhere)
	h.catalog = h.types.Catalog
	h.openPlacing()
	executor, err := h.executor()
	if err != nil {
		return err
	}
	h.previews = previews.New(previews.Config{Executor: executor, Cache: h.cache, Keeper: h.files, Offered: h.types.Previewer, Now: time.Now})
	h.openPipelines()
	h.engine = engine.New(engine.Config{
		Vault: h.secrets, Mask: mask.String,
		Journal: h.metrics.Journal(h.store), Index: h.store, Artifacts: h.artifacts, Executor: executor, Cache: h.cache, Placer: h.placing, Elsewhere: h.elsewhere, Session: h.session, Lived: h.lived, Spread: h.spreads,
		RunsAhead: func(t sdk.NodeType) bool { return h.types.IsModule(t.Name) && len(t.Grants) == 0 },
		MaxTasks:  h.cfg.Parallel, MaxRuns: h.cfg.MaxRuns, Log: h.cfg.Log, Reports: h.report, Observe: h.observe,
		Left: func(id run.ID) { h.advance.Set(string(id), false) },
	})
	h.openRuns()
	h.tracer.Follow(h.store, h.shapeOf, h.cfg.Log)
	if err := h.openAccounts(ctx); err != nil {
		return err
	}
	h.runs.HoldQueue()
	h.lookAtDisks()
	if err := h.openSearch(ctx, executor); err != nil {
		return err
	}
	if err := h.openArchives(); err != nil {
		return err
	}
	h.gauges()
	h.openAPI()
	if h.sharing != nil {
		h.sharing.Hosts.Heard(func(run string) {
			h.api.Hub().Heard(run)
			h.search.Wake()
		})
	}
	return nil
}

// files is where artifacts are.
type files interface {
	artifacts.Store
	artifacts.Keeper
}

func (h *Host) openArtifacts(ctx context.Context) (files, error) {
	if c := h.cfg.ArtifactsS3; c != nil {
		c.Scratch = filepath.Join(h.cfg.State.Artifacts(), "s3")
		return s3.Open(ctx, *c)
	}
	return dir.Open(cmp.Or(h.cfg.ArtifactsDir, h.cfg.State.Artifacts()))
}

// executor is how a task gets to whom it concerns: its files are laid out, then it goes to the sandbox, a plugin, or the host's own nodes.
func (h *Host) executor() (exec.Executor, error) {
	wasm, own := exec.Traced("wasm", h.metrics.Executor("wasm", h.wasm)), h.metrics.Executor("host", h.assets.Nodes())
	plugin := exec.By(exec.Traced("plugin", h.metrics.Executor("plugin", h.plugins)), h.carriedOut)
	route := exec.Route(func(nodeType string) (exec.Executor, error) {
		e, err := h.types.Offers(nodeType)
		if err != nil {
			return nil, err
		}
		switch e.Kind {
		case catalog.Module:
			return wasm, nil
		case catalog.Own:
			return own, nil
		default:
			return plugin, nil
		}
	})
	here, err := exec.Stage(exec.Lease(route, h.leases), exec.StageConfig{Root: h.cfg.State.Scratch(), Artifacts: h.artifacts,
		Scratch: h.types.IsPlugin, Generates: h.types.Generates})
	if err != nil {
		return nil, err
	}
	here = exec.Private(here, h.secrets, h.secrets.Mask().String)
	if h.fleet != nil {
		here = h.fleet.Away(here)
	}
	return h.tracer.Attempts(here), nil
}

// carriedOut says what a plugin's task is carried out with on this machine.
func (h *Host) carriedOut(ctx context.Context, t *sdk.Task) *sdk.Usage {
	e, err := h.types.Offers(t.Type)
	if err != nil || e.Kind != catalog.Plugin {
		return nil
	}
	return h.machine.Used(ctx, t, e)
}

// elsewhere says whether an agent is another machine's.
func (h *Host) elsewhere(agent string) bool { return h.fleet != nil && agent != agents.Local }

// session names the process of an agent on another machine.
func (h *Host) session(agent string) string { return h.fleet.Link.Session(agent) }

// spreads says whether tasks of a node type go to whichever machine has room.
func (h *Host) spreads(t sdk.NodeType) bool { return h.fleet != nil && h.types.IsPlugin(t.Name) }

// report takes what a node says: to whoever watches, and into the run's log.
func (h *Host) report(a sdk.Address, r sdk.Report) {
	h.reports.Report(a, r, time.Now())
}

// observe takes what has become durable.
func (h *Host) observe(id run.ID, e run.Event) {
	defer h.reports.Observe(id, e) // when it is not active any more
	defer h.versions.Changed(string(id))
	defer h.silence.Observe(id, e)
	h.tracer.Observe(id, e)
	h.bills.Observe(id, e)
	switch e.Kind {
	case run.RunCreated, run.RunStarted, run.RunPaused, run.RunContinued, run.RunResumed, run.RunEnded, run.GateOpened, run.GateAnswered:
		defer h.api.Hub().Changed(string(id))
	default: // its state stays, and what it asks people
	}
	switch e.Kind {
	case run.RunCreated, run.AttemptEnded, run.NodeCachedEvent: // they name files
		h.search.Wake()
	default:
	}
	switch e.Kind {
	case run.RunCreated, run.RunResumed:
		h.advance.Set(string(id), true)
		h.metrics.Run(string(run.Running))
	case run.RunEnded:
		h.advance.Set(string(id), false)
		h.triggers.Ended(string(id))
		h.metrics.Run(string(e.Status))
	default:
		if e.Kind == run.AttemptEnded && h.fleet != nil {
			h.fleet.Link.Committed(e.At(id).String())
		}
		if e.Kind == run.AttemptEnded && e.Error != nil {
			h.cfg.Log.Info("attempt ended", "task", e.At(id).String(),
				"cause", e.Error.Cause, "error", e.Error.Message)
		}
	}
}

// Client talks to this host over its own socket: the same way as everybody else.
func (h *Host) Client() *client.Client { return h.client }

// Failed gives the error of a listener that broke.
func (h *Host) Failed() <-chan error { return h.failed }

// Serve also listens on a loopback address, goes on with every run that was interrupted, fires triggers and watches devices.
// It gives the address it listens on.
func (h *Host) Serve(ctx context.Context, address string) (string, error) {
	ln, err := h.api.Listen(address)
	if err != nil {
		return "", err
	}
	if h.cfg.TLS != nil {
		ln = tls.NewListener(ln, h.cfg.TLS)
	}
	h.engine.Reading(true)
	h.announce.Store(true)
	if h.fleet != nil {
		if err := h.fleet.Begin(ctx); err != nil {
			return "", errors.Join(err, ln.Close())
		}
	}
	h.placing.Follow()
	h.serve(ln)
	ctx, h.stopServing = context.WithCancel(ctx)
	h.serving.Go(func() {
		defer h.engine.Reading(false)
		if err := h.advance.ResumeAll(ctx); err != nil && ctx.Err() == nil {
			h.failed <- fmt.Errorf("going on with interrupted runs: %w", err)
		}
	})
	h.serving.Go(func() { h.advance.Run(ctx) })
	h.startTriggers()
	h.collector.Settle()
	h.serving.Go(func() { h.bills.Run(ctx) })
	if h.search != nil {
		h.serving.Go(func() { h.search.Run(ctx) })
	}
	if !h.cfg.RetainAll {
		h.serving.Go(func() { h.schedule.Run(ctx) })
	}
	return ln.Addr().String(), nil
}
