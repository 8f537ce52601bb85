// Package agent wires one agent: a machine that carries out plugins' tasks for the hosts of a fleet. It holds no runs; what
// it has been given, and what has become of that, it notes until its hosts are done with it.
package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/host/internal/exec/remoteexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/host/internal/telemetry"
	"github.com/myspinbot/spinbot/host/internal/tracing"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is what an agent is made of.
type Config struct {
	State local.State
	// Lock is the held state directory; the agent releases it when it closes.
	Lock    *local.Lock
	Version string
	Name    string // for people; empty: the machine's
	Labels  map[string]string
	// BundledTrust is the SHA-256 of the trust file of the plugins that came with this binary; empty without any.
	BundledTrust string
	PluginDirs   []string
	Parallel     int   // tasks without devices at once
	CacheLimit   int64 // of artifacts, in bytes; 0: what the disk holds
	// ArtifactsS3 is the bucket that hosts keep artifacts in, as this agent reaches it; nil: artifacts go through the hosts.
	ArtifactsS3 *s3.Config
	// SecretFiles and SecretCommands say where the secrets of plugins' blocks come from.
	SecretFiles    map[string]string
	SecretCommands map[string][]string
	Environ        []string // nil: os.Environ
	File           *config.Config
	Probe          []string
	Devices        []gpu.Written
	Dial           dial.Config
	Pace           fleet.Pace
	Seen           func(protocol.Seen) // a host says what it sees of this agent; nil: nobody wants to know
	Log            *slog.Logger
}

// Agent is one agent.
type Agent struct {
	cfg     Config
	id      string
	machine *machine.Machine
	catalog *catalog.Catalog
	secrets *secrets.Vault
	key     seal.Key
	cache   *remote.Cache
	bucket  artifacts.Store // nil: artifacts go through the hosts
	server  *remoteexec.Server
	link    *fleet.Agent
	hangUp  func() error
	crawl   crawl
	metrics *telemetry.Metrics
	tracer  *tracing.Tracer               // nil: nothing is traced here
	file    atomic.Pointer[config.Config] // as it was read last

	mu    sync.Mutex
	hosts map[string]*forHost
	last  *catalog.View // that hosts were told of
	// refused says of plugins that hosts have sent why they are not here, by name.
	refused map[string]string
	sent    chan protocol.Plugin
}

// Open makes the agent, and connects to Redis.
func Open(ctx context.Context, c Config) (*Agent, error) {
	a := &Agent{cfg: c, metrics: telemetry.New(c.Version), hosts: map[string]*forHost{}, refused: map[string]string{}, sent: make(chan protocol.Plugin, manySent)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.closeParts())
	}
	return a, nil
}

func (a *Agent) open(ctx context.Context) (err error) {
	c, state := &a.cfg, a.cfg.State
	c.Name = cmp.Or(c.Name, hostname())
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.File == nil {
		c.File = config.Default()
	}
	a.file.Store(c.File)
	if c.Parallel <= 0 {
		c.Parallel = runtime.NumCPU()
	}
	if a.id, err = machine.Identity(state.Fleet(), "agent"); err != nil {
		return err
	}
	if a.key, err = machine.SealKey(state.Fleet()); err != nil {
		return err
	}
	a.secrets = secrets.New(secrets.Config{KeyFile: state.HostKey(), Dir: state.Secrets(), Files: c.SecretFiles, Commands: c.SecretCommands, Environ: c.Environ})
	a.tracer = tracing.Open(c.File.Tracing, tracing.Process{Environ: c.Environ, Version: c.Version, Log: c.Log, Secret: a.secretOf})
	a.tracer.Figures(a.metrics.Counter)
	c.Log = slog.New(a.secrets.Mask().Handler(a.tracer.Logs(c.Log.Handler())))
	a.machine, err = machine.New(machine.Config{State: state, Name: c.Name, Version: c.Version, File: c.File, Agent: a.id, Probe: c.Probe, Devices: c.Devices, Environ: c.Environ, Resolve: a.resolve, Program: a.program,
		Configure: a.configure, Parks: a.parks, Crawls: a.crawl.crawls, Changed: a.changed, Stocked: a.stocked, Started: a.metrics.Started, Log: c.Log, TaskLog: c.Log,
		Empty: func(note string) { c.Log.Info("no devices: it carries out what needs none", "why", note) }})
	if err != nil {
		return err
	}
	a.metrics.Devices(func() []device.Device { return a.machine.Devices.Inventory().Devices })
	restore(state.Plugins())
	a.catalog = catalog.New(catalog.Config{PluginDirs: ownFirst(state.Plugins(), c.PluginDirs), TrustFile: state.Trust(), BundledTrust: c.BundledTrust, CacheDir: state.Manifests(), Describe: a.describe})
	store, err := dir.Open(state.Artifacts())
	if err != nil {
		return err
	}
	a.cache, err = remote.NewCache(remote.CacheConfig{Store: store, Keeper: store, Folder: filepath.Join(state.Fleet(), "artifacts"), Limit: c.CacheLimit})
	if err != nil {
		return err
	}
	if b := c.ArtifactsS3; b != nil {
		b.Scratch = filepath.Join(state.Artifacts(), "s3")
		if a.bucket, err = s3.New(*b); err != nil {
			return err
		}
	}
	return a.connect(ctx)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "agent"
	}
	return name
}

func (a *Agent) connect(ctx context.Context) error {
	c := &a.cfg
	a.id = cmp.Or(c.Dial.Agent, a.id) // a host may have named it when it joined
	c.Dial.Agent = a.id
	client, facts, err := dial.Open(ctx, c.Dial)
	if err != nil {
		return err
	}
	a.hangUp = client.Close
	for _, warning := range facts.Warnings {
		c.Log.Warn("redis: " + warning)
	}
	a.server = remoteexec.NewServer(remoteexec.ServerConfig{Next: a.executor, Expect: a.expect, Forget: a.forget, Open: a.key.Open,
		Seal: func(ctx context.Context, host string, purpose, plain []byte) ([]byte, error) {
			return a.link.Seal(ctx, host, purpose, plain)
		},
		Learn: a.secrets.Mask().Add, Mask: a.secrets.Mask().String})
	if _, err := a.catalog.View(ctx); err != nil {
		return err
	}
	a.link, err = fleet.NewAgent(fleet.AgentConfig{Client: client, Namespace: cmp.Or(c.Dial.Namespace, dial.DefaultNamespace), ID: a.id, Session: machine.Session(), Pace: c.Pace,
		Notes: filepath.Join(c.State.Fleet(), "notes.jsonl"), Boot: machine.Boot(), Run: a.server.Run, Deliver: a.deliver, Delivered: a.delivered,
		Status: a.status, Hello: a.hello, Order: a.order, Answer: a.answer, Connection: a.connection, Log: c.Log})
	return err
}

// ID is the agent's name in the fleet.
func (a *Agent) ID() string { return a.id }

// Name is what people call it.
func (a *Agent) Name() string { return a.cfg.Name }

// Run works until stop is closed or a part of it fails. Then it takes nothing more, lets what runs finish until the end of
// grace, and hands back the rest.
func (a *Agent) Run(ctx context.Context, stop <-chan struct{}, grace time.Duration) error {
	a.machine.Follow(a.idle, func(time.Time) { a.look(ctx) })
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	var installing sync.WaitGroup
	defer installing.Wait()
	defer end()
	installing.Go(func() { a.installSent(working) })
	done := make(chan error, 1)
	go func() {
		_ = a.machine.FirstSeen(working) // hosts are not to hear of an agent without the devices that it has
		done <- a.link.Run(working)
	}()
	select {
	case err := <-done:
		return err
	case <-stop:
	case <-ctx.Done():
	}
	a.drain(grace)
	end()
	return <-done
}

// settling is how long an agent that ends waits for its hosts to take its results. They are on its disk in any case.
const settling = 5 * time.Second

// drain takes nothing more, and gives what runs some time.
func (a *Agent) drain(grace time.Duration) {
	a.link.Drain(true)
	running, _ := a.link.Holds()
	if running > 0 {
		a.cfg.Log.Info("takes no more tasks; those that run have some time to finish", "tasks", running, "time", grace.String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if a.link.Idle(ctx, false) != nil {
		a.link.HandBack(&sdk.Error{Cause: sdk.CauseDrained, Message: "its agent " + a.cfg.Name + " was shut down"})
	}
	ctx, cancel = context.WithTimeout(context.Background(), settling)
	defer cancel()
	_ = a.link.Idle(ctx, true)
}

// Close gives everything back.
func (a *Agent) Close() error { return a.closeParts() }

func (a *Agent) closeParts() error {
	var errs []error
	if a.machine != nil {
		errs = append(errs, a.machine.Close())
	}
	a.tracer.Close()
	if a.hangUp != nil {
		errs = append(errs, a.hangUp())
	}
	a.cfg.Lock.Release()
	return errors.Join(errs...)
}

func (a *Agent) idle() bool {
	running, _ := a.link.Holds()
	return running == 0
}

func (a *Agent) connection(err error) {
	if err != nil {
		a.cfg.Log.Warn("redis does not answer: what runs goes on, and results wait on this disk until it does", "error", err)
		return
	}
	a.cfg.Log.Warn("redis answers again")
}

// look notices plugins that came or went.
func (a *Agent) look(ctx context.Context) {
	v, err := a.catalog.View(ctx)
	if err != nil {
		return
	}
	a.mu.Lock()
	changed := a.last != nil && v != a.last
	a.last = v
	a.mu.Unlock()
	if changed {
		a.link.Changed(true)
	}
}

func (a *Agent) changed() {
	if a.link != nil {
		a.link.Changed(false)
	}
}

func (a *Agent) status() protocol.Status {
	devices, warm := a.machine.Leases.View()
	held := map[string]string{}
	for uuid, use := range a.machine.Leases.Uses() {
		if use.Held != "" {
			held[uuid] = use.Held
		}
	}
	return protocol.Status{Devices: devices, Held: held, Warm: warm, RAM: a.machine.RAM, Disk: a.machine.Disk, Fetching: a.machine.Fetching()}
}

var began = time.Now()

// platform is what programs have to be built for to run here.
const platform = runtime.GOOS + "/" + runtime.GOARCH

func (a *Agent) hello() protocol.Hello {
	h := protocol.Hello{Name: a.cfg.Name, Version: a.cfg.Version, Platform: platform, Labels: a.cfg.Labels, Key: a.key.Public(),
		Started: began.Unix(), Tasks: a.cfg.Parallel, Notes: slices.Concat(a.machine.Devices.Inventory().Notes, a.refusals()), Models: a.machine.Stock()}
	v, err := a.catalog.Last(context.Background())
	if err != nil {
		h.Notes = append(h.Notes, "its plugins are not known: "+err.Error())
		return h
	}
	engines, classes := a.machine.Engines(), a.machine.Classes()
	for _, e := range v.Entries {
		if e.Kind == catalog.Plugin && e.State == catalog.Ready {
			offered := protocol.Offered{Name: e.Name, Version: e.Version, Checksum: e.SHA256, Manifest: e.Manifest, Engines: engines[e.Name], Classes: slices.Sorted(maps.Keys(classes[e.Name]))}
			if block, ok := a.file.Load().Plugin(e.Name); ok {
				offered.Settings = block.Settings()
			}
			h.Plugins = append(h.Plugins, offered)
		}
	}
	return h
}

func (a *Agent) describe(ctx context.Context, e catalog.Entry) (d catalog.Description, err error) {
	d.Manifest, err = a.machine.Plugins.Describe(ctx, binary(e))
	return d, err
}

func binary(e catalog.Entry) pluginexec.Binary {
	return pluginexec.Binary{Name: e.Name, Path: e.Path, SHA256: "sha256:" + e.SHA256, UsesDevices: e.Manifest.UsesDevices(), Tells: e.Manifest.Installed}
}

func (a *Agent) resolve(nodeType string) (pluginexec.Binary, error) {
	v, err := a.catalog.Last(context.Background())
	if err != nil {
		return pluginexec.Binary{}, err
	}
	e, ok := v.Offers(nodeType)
	if !ok {
		why := cmp.Or(v.Why(nodeType), "no plugin that is installed there offers it")
		return pluginexec.Binary{}, &sdk.Error{Cause: sdk.CauseRefused, Message: fmt.Sprintf("node type %s is not on %s: %s", nodeType, a.cfg.Name, why)}
	}
	return binary(e), nil
}

// program finds the program of a plugin of this machine that may be used.
func (a *Agent) program(plugin string) (pluginexec.Binary, bool) {
	v, err := a.catalog.Last(context.Background())
	if err != nil {
		return pluginexec.Binary{}, false
	}
	e, ok := v.Entry(plugin)
	return binary(e), ok && e.Kind == catalog.Plugin && e.State == catalog.Ready && e.Path != ""
}

func (a *Agent) parks(nodeType string) bool { return a.nodeType(nodeType).Parks }

// generates says whether what a node type makes is marked as AI-generated.
func (a *Agent) generates(nodeType string) bool { return a.nodeType(nodeType).Generates }

// nodeType gives a node type as of the last look at the catalog; an empty one when it is not there.
func (a *Agent) nodeType(name string) (t sdk.NodeType) {
	if v, err := a.catalog.Last(context.Background()); err == nil {
		t, _ = v.NodeType(name)
	}
	return t
}

// configure gives what a plugin is told when its process starts.
func (a *Agent) configure(ctx context.Context, plugin string) (sdk.Values, error) {
	block, ok := a.file.Load().Plugin(plugin)
	if !ok {
		return nil, nil
	}
	v, err := a.catalog.Last(ctx)
	if err != nil {
		return nil, err
	}
	e, _ := v.Entry(plugin)
	values, err := block.Values(e.Manifest.ConfigSchema, func(name string) (string, error) { return a.secretOf(ctx, name) })
	if err != nil {
		return nil, err
	}
	for _, text := range block.Private(e.Manifest.ConfigSchema, values) {
		a.secrets.Mask().Keep(text)
	}
	return values, nil
}

func (a *Agent) secretOf(ctx context.Context, name string) (string, error) {
	if err := a.secrets.Resolve(ctx, []string{name}); err != nil {
		return "", err
	}
	return a.secrets.Secret(name)
}

func (a *Agent) expect(p placement.Assignment) {
	a.crawl.begins(p)
	a.machine.Leases.Expect(p)
	a.machine.Wanted()
}

func (a *Agent) forget(id string) {
	a.crawl.ends(id)
	a.machine.Leases.Forget(id)
}
