// Package agents is a host's part in a fleet: how it opens, which machines there are and what they offer, what people say of them and
// ask them, how hosts place together. It knows nothing of how tasks are placed on them: that is the placer's.
package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/remoteexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/leader"
	"github.com/myspinbot/spinbot/host/internal/fleet/mirror"
	"github.com/myspinbot/spinbot/host/internal/fleet/supervise"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/host/internal/placer"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// Local is the agent within this process.
const Local = "local"

// Settings are how a host has machines beside its own.
type Settings struct {
	Dial dial.Config
	// Own is a Redis that this host runs itself; nil: it uses the one of Dial. Advertise is how other machines reach it.
	Own       *supervise.Config
	Advertise string
	// Listen is where agents fetch and bring artifacts; URL is how they reach that, empty: as this machine is called.
	Listen, URL string
	// NoAgent: this process carries out no plugin's tasks itself.
	NoAgent bool
	Name    string
	Pace    fleet.Pace
}

// Config is what a host's part in a fleet stands on.
type Config struct {
	Settings
	State     local.State
	Version   string // of this program
	Artifacts artifacts.Store
	Files     artifacts.Keeper
	Sealer    *secrets.Vault
	// Expect tells who carries out this machine's tasks that one comes.
	Expect func(placement.Assignment)
	// Models are the model files of this machine; nil: it has none.
	Models *models.Library
	// Run gives a run as it is.
	Run func(context.Context, run.ID) (*progress.State, error)
	// Hub tells what becomes of runs, which is published in Redis; Active are the runs that this host advances.
	Hub    func() *hub.Hub
	Active func() []string
	// Offered is told that agents offer other plugins.
	Offered func()
	// Failed is told that agents cannot reach this host any more.
	Failed func(error)
	Log    *slog.Logger
}

// Fleet is this host's part in a fleet; nil: there is this machine alone.
type Fleet struct {
	// Link is the way to the agents.
	Link *fleet.Host

	cfg     Config
	catalog *catalog.Catalog
	placer  *placer.Placer
	id      string // this host's
	remote  *remoteexec.Executor
	files   http.Handler
	relay   *models.Relay
	key     seal.Key
	hangUp  func() error
	// leads makes leader, which is how hosts place together; nil: this one is alone.
	leads  func(leader.Config) *leader.Link
	leader *leader.Link
	mirror func(context.Context)
	server *supervise.Server // nil: somebody else runs Redis

	mu      sync.Mutex
	seen    map[string]string    // by agent, the session that was told so
	stocked map[string]installed // by agent
	offered string               // of all agents, as one text: it changes with them
	kept    keptAgents
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open makes this host's part of the fleet; it works from Begin on.
func Open(ctx context.Context, c Config) (*Fleet, error) {
	state := c.State
	f := &Fleet{cfg: c, seen: map[string]string{}, stocked: map[string]installed{}, kept: keptAgents{Cordoned: map[string]string{}, Labels: map[string]map[string]string{}}}
	id, err := machine.Identity(state.Fleet(), "host")
	if err == nil {
		f.key, err = machine.SealKey(state.Fleet())
	}
	var token string
	if err == nil {
		token, err = machine.Secret(state.Fleet(), "artifacts.token")
	}
	if err == nil {
		err = f.readKept()
	}
	if err == nil {
		f.files, err = remote.NewHandler(remote.HandlerConfig{Store: c.Artifacts, Keeper: c.Files, Folder: filepath.Join(state.Fleet(), "uploads"), Token: remote.Tokens(token)})
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	f.openRelay(remote.Tokens(token))
	if c.Own != nil {
		own := *c.Own
		own.Log = c.Log
		if f.server, err = supervise.Start(ctx, own); err != nil {
			return nil, err
		}
		c.Dial = f.server.Dial()
	}
	client, facts, err := dial.Open(ctx, c.Dial)
	if err != nil {
		if f.server != nil {
			f.server.Close()
		}
		return nil, err
	}
	for _, warning := range facts.Warnings {
		c.Log.Warn("redis: " + warning)
	}
	f.hangUp = client.Close
	f.leads = func(l leader.Config) *leader.Link {
		l.Client = client
		return leader.New(l)
	}
	f.mirror = func(ctx context.Context) {
		mirror.Run(ctx, mirror.Config{Client: client, Hub: c.Hub(), Active: c.Active, Log: c.Log})
	}
	f.Link = fleet.NewHost(fleet.HostConfig{Client: client, Namespace: cmp.Or(c.Dial.Namespace, dial.DefaultNamespace), Pace: c.Pace, Open: f.open, Changed: f.changed, Connection: f.connection, Log: c.Log,
		Info: fleet.HostInfo{ID: id, Name: c.Name, Version: c.Version, Key: f.key.Public(), URL: c.URL, Token: token}})
	f.id = id
	return f, nil
}

// joinTTL is how long a line to join with is good when nobody says so.
const joinTTL = 15 * time.Minute

// Line gives the line with which one more machine becomes an agent. It serves once, and for a while.
func (f *Fleet) Line(ctx context.Context, ttl time.Duration) (line string, expires time.Time, err error) {
	switch {
	case f == nil:
		return "", expires, errors.New("this host has no fleet: start it with spinbot serve --fleet, or with --redis and the address of a Redis")
	case f.server == nil:
		return "", expires, errors.New("this host's Redis is run by somebody else: start the next machine with spinbot agent --redis and its address")
	}
	if ttl == 0 {
		ttl = joinTTL
	}
	line, err = f.server.Join(ctx, f.cfg.Advertise, ttl)
	return line, time.Now().Add(ttl).UTC(), err
}

// Use has agents seen as the catalog and the placer are to see them. It is called before Begin.
func (f *Fleet) Use(c *catalog.Catalog, p *placer.Placer) { f.catalog, f.placer = c, p }

// Away is an executor that sends what was assigned to another machine there, and leaves the rest to this one.
func (f *Fleet) Away(here exec.Executor) exec.Executor {
	f.remote = remoteexec.New(remoteexec.Config{Next: here, Link: link{f.Link}, Sealer: f.cfg.Sealer, Open: f.key.Open, Artifacts: f.cfg.Files,
		Local: func(agent string) bool { return agent == Local }, Expect: f.cfg.Expect})
	return f.remote
}

// link is the fleet as remoteexec sees it.
type link struct{ *fleet.Host }

// Run implements remoteexec.Link.
func (l link) Run(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	return l.Execute(ctx, a, report, whole)
}

// Begin has the fleet work.
func (f *Fleet) Begin(ctx context.Context) error {
	ln, err := net.Listen("tcp", f.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for agents on %s: %w; choose another address with --fleet-listen", f.cfg.Listen, err)
	}
	if f.cfg.URL == "" {
		f.Link.Reached(urlOf(ln.Addr(), f.cfg.Listen, f.cfg.Advertise))
	}
	mux := http.NewServeMux()
	mux.Handle("/", f.files)
	mux.Handle("/models", f.relay)
	mux.Handle("/models/", f.relay)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(f.cfg.Log.Handler(), slog.LevelDebug)}
	f.running.Go(func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			f.cfg.Failed(fmt.Errorf("listening for agents on %s: %w", ln.Addr(), err))
		}
	})
	working, stop := context.WithCancel(context.Background())
	f.stop = func() {
		stop()
		_ = server.Close()
	}
	if err := f.Link.Begin(ctx); err != nil {
		f.stop()
		return fmt.Errorf("fleet: %w", err)
	}
	f.running.Go(func() { f.Link.Run(working) })
	f.running.Go(func() { f.mirror(working) })
	if f.leader != nil {
		f.running.Go(func() { f.leader.Run(working) })
	}
	if f.server != nil {
		f.running.Go(func() { f.server.ServeJoins(working) })
	}
	return nil
}

// urlOf is how other machines reach an address: where it is every one of this machine, as this machine is advertised, else by
// its address towards others or its name.
func urlOf(addr net.Addr, asked, advertised string) string {
	_, port, _ := net.SplitHostPort(addr.String())
	host, _, _ := net.SplitHostPort(asked)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		name, _ := os.Hostname()
		if h, _, err := net.SplitHostPort(advertised); err == nil {
			advertised = h
		}
		host = cmp.Or(strings.Trim(advertised, "[]"), machine.Outward(), name)
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Close ends this host's part in the fleet.
func (f *Fleet) Close() {
	if f.stop != nil {
		f.stop()
	}
	f.running.Wait()
	_ = f.hangUp() // nothing is under way any more
	if f.server != nil {
		f.server.Close()
	}
}

// open says whether the journal has an attempt under way. What a dead host's agents hold and this journal does not know may be
// of one that the host kept by itself: that is left alone.
func (f *Fleet) open(ctx context.Context, u protocol.Unknown) (bool, error) {
	unknown := u.Host != ""
	at, err := sdk.ParseAddress(u.ID)
	if err != nil {
		return unknown, nil //nolint:nilerr // it is none of ours
	}
	s, err := f.cfg.Run(ctx, run.ID(at.Run))
	if errors.Is(err, store.ErrNotFound) {
		return unknown, nil
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.Interrupted(), func(i *progress.Instance) bool { return s.Address(i).String() == u.ID }), nil
}

func (f *Fleet) connection(err error) {
	if err != nil {
		f.cfg.Log.Warn("redis does not answer: what runs goes on, and nothing new is sent to other machines until it does", "error", err)
		return
	}
	f.cfg.Log.Warn("redis answers again")
}

// changed takes in an agent that has become another.
func (f *Fleet) changed(m fleet.Member) {
	f.mu.Lock()
	if why := f.kept.Cordoned[m.Agent]; why != "" && m.Away == "" {
		m.Away = cordoned(why)
	}
	f.mu.Unlock()
	if !protocol.Understands(m.V) {
		m.Away = "incompatible: " + f.apart(m)
	}
	if m.Offline {
		f.relay.Gone(m.Agent)
	}
	f.offer()
	v, err := f.catalog.View(context.Background())
	if err != nil {
		f.cfg.Log.Warn("the catalog cannot be read", "error", err)
		return
	}
	f.greet(v, m)
	has := f.stockOf(m)
	f.placer.Agent(placement.Agent{ID: m.Agent, Name: m.Name, Offers: offersOf(v, m), Away: m.Away, Tasks: m.Tasks, Files: has.files, Coming: Coming(m.Status.Fetching),
		Classes: has.classes, Engines: enginesOf(m)}, m.Status.Devices, m.Status.RAM, m.Status.Disk, m.Status.Warm)
}

// apart says that an agent and this host do not understand each other.
func (f *Fleet) apart(m fleet.Member) string {
	return (&protocol.IncompatibleError{Host: protocol.End{Name: f.cfg.Name, Version: f.cfg.Version, Speaks: protocol.Version},
		Agent: protocol.End{Name: m.Name, Version: m.Version, Speaks: m.V}}).Error()
}

// greet tells a process that has not been heard before what is seen of it.
func (f *Fleet) greet(v *catalog.View, m fleet.Member) {
	f.mu.Lock()
	known := m.Offline || f.seen[m.Agent] == m.Session
	if !known {
		f.seen[m.Agent] = m.Session
	}
	f.mu.Unlock()
	if known {
		return
	}
	seen := protocol.Seen{V: protocol.Version, Host: f.cfg.Name, Version: f.cfg.Version, Devices: len(m.Status.Devices)}
	for _, p := range m.Plugins {
		if serves(v, p) {
			seen.Plugins = append(seen.Plugins, p.Name)
		}
	}
	f.Link.Order(m.Agent, protocol.Order{Seen: &seen})
}
