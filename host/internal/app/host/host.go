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
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/cache"
	cachedir "github.com/myspinbot/spinbot/host/internal/cache/dir"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/host/internal/leases"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/lineage"
	"github.com/myspinbot/spinbot/host/internal/pipelines"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/host/internal/previews"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/telemetry"
	"github.com/myspinbot/spinbot/host/internal/trigger"
	"github.com/myspinbot/spinbot/host/internal/uploads"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Config is what a host is made of.
type Config struct {
	State local.State
	// Lock is the held state directory; the host releases it when it closes.
	Lock    *local.Lock
	Version string
	// BundledTrust is the SHA-256 of the trust file of the plugins that came with this binary; empty without any.
	BundledTrust string
	// PluginDirs and ControlDirs are where plugins and WASM modules are looked for.
	PluginDirs, ControlDirs []string
	// PipelineDirs are where pipelines are that the host knows by itself.
	PipelineDirs []string
	// Starters are pipelines to begin with, called as is said; nil: there are none.
	Starters func(name string) ([]client.Starter, error)
	// Secret gives the value of a secret by its name; nil: as the vault finds it.
	Secret func(ctx context.Context, name string) (string, error)
	// Retain is how long runs are kept after they ended; 0: retention.DefaultRuns. With RetainAll a host that serves
	// removes nothing by itself.
	Retain    time.Duration
	RetainAll bool
	// MinFree is how many bytes have to be free on disk for new work to begin: see retention.NewRoom.
	MinFree int64
	// Parallel bounds how many plugin tasks run at once; 0: as many as their node types say.
	Parallel int
	MaxRuns  int // that go on at once; 0: the engine's choice
	// Limits are the most that a control node may ask for; zeros: the executor's choice.
	Limits sdk.Limits
	// SecretFiles and SecretCommands say where secrets come from, by name, beside the environment and the state directory.
	SecretFiles    map[string]string
	SecretCommands map[string][]string
	// Environ is where the environment's secrets are; nil: os.Environ.
	Environ []string
	// File is what spinbot.hcl says; nil: the defaults. Of its settings this Config is made already.
	File *config.Config
	// Probe is the command that looks at the devices of this machine, as probe.Child takes it; empty: nobody does.
	Probe []string
	// Devices are those that the configuration describes.
	Devices []gpu.Written
	Fleet   *FleetConfig // nil: there is this machine alone
	// Store is the URL of a PostgreSQL database that this host shares with others; empty: a file in the state directory.
	Store string
	// ArtifactsDir is where artifacts are; empty: in the state directory. With ArtifactsS3 they are in a bucket instead.
	ArtifactsDir string
	ArtifactsS3  *s3.Config
	// HostBeat is how often this host says to those that it shares a store with that it lives; 0: 2 s. One that has said
	// nothing for five times as long is taken for dead.
	HostBeat time.Duration
	// Hosts may stand in a Host header beside loopback ones. TLS, when set, is how the API's address is served.
	Hosts []string
	TLS   *tls.Config
	Log   *slog.Logger
}

// Host is everything that advances runs on one machine.
type Host struct {
	cfg       Config
	file      atomic.Pointer[config.Config] // cfg.File, until Reconfigure
	store     journalStore
	sharing   *sharing // nil: every run of the store is this host's
	artifacts artifacts.Store
	files     artifacts.Keeper
	uploads   *uploads.Uploads
	previews  *previews.Previews
	cache     cache.Store
	sweeper   *retention.Sweeper
	schedule  *retention.Schedule
	room      *retention.Room
	wasm      *wasmexec.Executor
	state     *sqlstore.State
	plugins   *pluginexec.Executor
	catalog   *catalog.Catalog
	secrets   *secrets.Vault
	library   *library.Library
	lineage   *lineage.Lineage
	engine    *engine.Engine
	pipelines *pipelines.Folders
	triggers  *trigger.Triggers
	metrics   *telemetry.Metrics
	machine   *machine.Machine
	fleet     *fleetHost // nil: there is this machine alone
	devices   *probe.Watch
	leases    *leases.Keeper
	placer    *placer.Placer
	live      *live
	importing chan struct{} // full while a file is made a pipeline
	logs      *logs
	versions  *versions
	silence   *silence
	collector *collector
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

	taking sync.Mutex // held while one run is taken up, so that two do not
	mu     sync.Mutex
	active map[string]bool // runs that this process advances
}

// Open opens the store and serves the API on the private socket. It resumes nothing: see Serve.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	h := &Host{cfg: cfg, failed: make(chan error, 4), active: map[string]bool{}, untrigger: func() {}, unlook: func() {}, metrics: telemetry.New(cfg.Version), versions: newVersions(), silence: newSilence(), importing: make(chan struct{}, 1)}
	h.live = newLive(h.isActive)
	h.collector = newCollector(h.anyActive)
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
	plain := h.cfg.Log.Handler()
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
	h.logs = newLogs(state.Logs(), h.store)
	taskLogger := slog.New(mask.Handler(taskLog{Handler: plain, logs: h.logs}))
	h.state = sqlstore.NewState(state.NodeState())
	h.wasm = wasmexec.New(wasmexec.Config{CacheDir: state.Modules(), Resolve: h.resolveModule, Ceilings: h.cfg.Limits,
		Grants: h.grants, Secret: h.secretOf, KV: h.state, Log: taskLogger})
	h.machine, err = machine.New(machine.Config{State: state, File: h.cfg.File, Probe: h.cfg.Probe, Devices: h.cfg.Devices, Environ: h.cfg.Environ,
		Resolve: h.resolveBinary, Program: h.program, Configure: h.configure, Parks: h.parks, Crawls: func(id string) bool { return h.placer.Crawls(id) }, Changed: h.tellPlacer, Stocked: h.stocked,
		Empty: h.noDevices, Log: h.cfg.Log, TaskLog: taskLogger})
	if err != nil {
		return err
	}
	h.plugins, h.devices, h.leases = h.machine.Plugins, h.machine.Devices, h.machine.Leases
	h.metrics.Devices(func() []device.Device { return h.devices.Inventory().Devices })
	if h.cache, err = cachedir.Open(state.Results(), time.Now, h.cfg.Log); err != nil {
		return err
	}
	h.openLibrary()
	h.retain()
	if h.cfg.Fleet != nil {
		if err := h.openFleet(ctx); err != nil {
			return err
		}
	}
	look := catalogConfig(h.cfg, h.describe)
	if h.fleet != nil {
		look.Elsewhere = h.fleet.elsewhere
	}
	look.Settings = h.settings
	h.catalog = catalog.New(look)
	h.place()
	executor, err := h.executor()
	if err != nil {
		return err
	}
	h.previews = previews.New(previews.Config{Executor: executor, Cache: h.cache, Keeper: h.files, Offered: h.previewer, Now: time.Now})
	h.openTriggers()
	h.engine = engine.New(engine.Config{
		Vault: h.secrets, Mask: mask.String,
		Journal: h.metrics.Journal(h.store), Index: h.store, Artifacts: h.artifacts, Executor: executor, Cache: h.cache, Placer: placing{h.placer, h}, Elsewhere: h.elsewhere, Session: h.session, Spread: h.spreads,
		RunsAhead: func(t sdk.NodeType) bool { return h.isModule(t.Name) && len(t.Grants) == 0 },
		MaxTasks:  h.cfg.Parallel, MaxRuns: h.cfg.MaxRuns, Log: h.cfg.Log, Reports: h.report, Observe: h.observe,
		Left: func(id run.ID) { h.setActive(string(id), false) },
	})
	if err := h.openAccounts(ctx); err != nil {
		return err
	}
	h.holdQueue()
	h.lookAtDisks()
	h.gauges()
	h.openAPI()
	if h.sharing != nil {
		h.sharing.hosts.Heard(h.api.Hub().Heard)
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

// executor is how a task gets to whom it concerns: its files are laid out, then it goes to the sandbox or a plugin.
func (h *Host) executor() (exec.Executor, error) {
	wasm, plugin := h.metrics.Executor("wasm", h.wasm), h.metrics.Executor("plugin", h.plugins)
	route := exec.Route(func(nodeType string) (exec.Executor, error) {
		e, err := h.offers(nodeType)
		if err != nil {
			return nil, err
		}
		if e.Kind == catalog.Module {
			return wasm, nil
		}
		return plugin, nil
	})
	here, err := exec.Stage(exec.Lease(route, h.leases), exec.StageConfig{Root: h.cfg.State.Scratch(), Artifacts: h.artifacts,
		Scratch: func(nodeType string) bool { return !h.isModule(nodeType) }})
	if err != nil {
		return nil, err
	}
	here = exec.Private(here, h.secrets, h.secrets.Mask().String)
	if h.fleet != nil {
		here = h.fleet.away(here)
	}
	return here, nil
}

// elsewhere says whether an agent is another machine's.
func (h *Host) elsewhere(agent string) bool { return h.fleet != nil && agent != localAgent }

// session names the process of an agent on another machine.
func (h *Host) session(agent string) string { return h.fleet.link.Session(agent) }

// spreads says whether tasks of a node type go to whichever machine has room.
func (h *Host) spreads(t sdk.NodeType) bool { return h.fleet != nil && !h.isModule(t.Name) }

// report takes what a node says: to whoever watches, and into the run's log.
func (h *Host) report(a sdk.Address, r sdk.Report) {
	now := time.Now()
	h.live.report(a, r, now)
	if r.Kind == sdk.ReportLog {
		h.logs.write(a, r.Level, r.Message, now)
	}
}

// observe takes what has become durable.
func (h *Host) observe(id run.ID, e run.Event) {
	defer h.live.ended(id, e) // when it is not active any more
	defer h.versions.changed(string(id))
	defer h.silence.observe(id, e)
	switch e.Kind {
	case run.RunCreated, run.RunStarted, run.RunPaused, run.RunContinued, run.RunResumed, run.RunEnded, run.GateOpened, run.GateAnswered:
		defer h.api.Hub().Changed(string(id))
	default: // its state stays, and what it asks people
	}
	switch e.Kind {
	case run.RunCreated, run.RunResumed:
		h.setActive(string(id), true)
		h.metrics.Run(string(run.Running))
	case run.RunEnded:
		h.setActive(string(id), false)
		h.logs.ended(string(id))
		h.triggers.Ended(string(id))
		h.metrics.Run(string(e.Status))
	default:
		if e.Kind == run.AttemptEnded && h.fleet != nil {
			h.fleet.link.Committed(e.At(id).String())
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
		if err := h.fleet.begin(ctx); err != nil {
			return "", errors.Join(err, ln.Close())
		}
	}
	h.followDevices()
	h.serve(ln)
	ctx, h.stopServing = context.WithCancel(ctx)
	h.serving.Go(func() {
		defer h.engine.Reading(false)
		if err := h.resumeAll(ctx); err != nil && ctx.Err() == nil {
			h.failed <- fmt.Errorf("going on with interrupted runs: %w", err)
		}
	})
	h.shareRuns(ctx)
	h.startTriggers()
	if !h.cfg.RetainAll {
		h.serving.Go(func() { h.schedule.Run(ctx) })
	}
	return ln.Addr().String(), nil
}
