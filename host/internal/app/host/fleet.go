package host

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

	"github.com/hashicorp/go-version"

	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/remoteexec"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/leader"
	"github.com/myspinbot/spinbot/host/internal/fleet/mirror"
	"github.com/myspinbot/spinbot/host/internal/fleet/supervise"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// FleetConfig is how a host has machines beside its own.
type FleetConfig struct {
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

// fleetHost is this host's part of the fleet.
type fleetHost struct {
	h      *Host
	cfg    FleetConfig
	id     string // this host's
	link   *fleet.Host
	remote *remoteexec.Executor
	files  http.Handler
	relay  *models.Relay
	key    seal.Key
	hangUp func() error
	// leads makes leader, which is how hosts place together; nil: this one is alone.
	leads  func(leader.Config) *leader.Link
	leader *leader.Link
	mirror func(context.Context)
	server *supervise.Server // nil: somebody else runs Redis

	mu      sync.Mutex
	seen    map[string]string     // by agent, the session that was told so
	stocked map[string]stockNames // by agent
	offered string                // of all agents, as one text: it changes with them
	kept    keptAgents
	stop    context.CancelFunc
	running sync.WaitGroup
}

// openFleet makes this host's part of the fleet; it works from serve on.
func (h *Host) openFleet(ctx context.Context) error {
	c := *h.cfg.Fleet
	state := h.cfg.State
	f := &fleetHost{h: h, cfg: c, seen: map[string]string{}, stocked: map[string]stockNames{}, kept: keptAgents{Cordoned: map[string]string{}, Labels: map[string]map[string]string{}}}
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
		f.files, err = remote.NewHandler(remote.HandlerConfig{Store: h.artifacts, Keeper: h.files, Folder: filepath.Join(state.Fleet(), "uploads"), Token: remote.Tokens(token)})
	}
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	f.openRelay(remote.Tokens(token))
	if c.Own != nil {
		own := *c.Own
		own.Log = h.cfg.Log
		if f.server, err = supervise.Start(ctx, own); err != nil {
			return err
		}
		c.Dial = f.server.Dial()
	}
	client, facts, err := dial.Open(ctx, c.Dial)
	if err != nil {
		if f.server != nil {
			f.server.Close()
		}
		return err
	}
	for _, warning := range facts.Warnings {
		h.cfg.Log.Warn("redis: " + warning)
	}
	f.hangUp = client.Close
	f.leads = func(c leader.Config) *leader.Link {
		c.Client = client
		return leader.New(c)
	}
	f.mirror = func(ctx context.Context) {
		mirror.Run(ctx, mirror.Config{Client: client, Hub: h.api.Hub(), Active: h.actives, Log: h.cfg.Log})
	}
	f.link = fleet.NewHost(fleet.HostConfig{Client: client, Namespace: cmp.Or(c.Dial.Namespace, dial.DefaultNamespace), Pace: c.Pace, Open: f.open, Changed: f.changed, Connection: f.connection, Log: h.cfg.Log,
		Info: fleet.HostInfo{ID: id, Name: c.Name, Version: h.cfg.Version, Key: f.key.Public(), URL: c.URL, Token: token}})
	f.id, h.fleet = id, f
	return nil
}

// away is an executor that sends what was assigned to another machine there, and leaves the rest to this one.
func (f *fleetHost) away(here exec.Executor) exec.Executor {
	f.remote = remoteexec.New(remoteexec.Config{Next: here, Link: link{f.link}, Sealer: f.h.secrets, Open: f.key.Open, Artifacts: f.h.files,
		Local: func(agent string) bool { return agent == localAgent }, Expect: f.h.leases.Expect})
	return f.remote
}

// link is the fleet as remoteexec sees it.
type link struct{ *fleet.Host }

// Run implements remoteexec.Link.
func (l link) Run(ctx context.Context, a protocol.Attempt, report func(sdk.Report), whole func(protocol.Result) bool) (protocol.Result, error) {
	return l.Execute(ctx, a, report, whole)
}

// begin has the fleet work.
func (f *fleetHost) begin(ctx context.Context) error {
	ln, err := net.Listen("tcp", f.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for agents on %s: %w; choose another address with --fleet-listen", f.cfg.Listen, err)
	}
	if f.cfg.URL == "" {
		f.link.Reached(urlOf(ln.Addr(), f.cfg.Listen, f.cfg.Advertise))
	}
	mux := http.NewServeMux()
	mux.Handle("/", f.files)
	mux.Handle("/models", f.relay)
	mux.Handle("/models/", f.relay)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(f.h.cfg.Log.Handler(), slog.LevelDebug)}
	f.running.Go(func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			f.h.failed <- fmt.Errorf("listening for agents on %s: %w", ln.Addr(), err)
		}
	})
	working, stop := context.WithCancel(context.Background())
	f.stop = func() {
		stop()
		_ = server.Close()
	}
	if err := f.link.Begin(ctx); err != nil {
		f.stop()
		return fmt.Errorf("fleet: %w", err)
	}
	f.running.Go(func() { f.link.Run(working) })
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

// joinTTL is how long a line to join with is good when nobody says so.
const joinTTL = 15 * time.Minute

// Join gives the line with which one more machine becomes an agent. It serves once, and for a while.
func (h *Host) Join(ctx context.Context, ttl time.Duration) (line string, expires time.Time, err error) {
	switch {
	case h.fleet == nil:
		return "", expires, errors.New("this host has no fleet: start it with spinbot serve --fleet, or with --redis and the address of a Redis")
	case h.fleet.server == nil:
		return "", expires, errors.New("this host's Redis is run by somebody else: start the next machine with spinbot agent --redis and its address")
	}
	if ttl == 0 {
		ttl = joinTTL
	}
	line, err = h.fleet.server.Join(ctx, h.fleet.cfg.Advertise, ttl)
	return line, time.Now().Add(ttl).UTC(), err
}

func (f *fleetHost) close() {
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
func (f *fleetHost) open(ctx context.Context, u protocol.Unknown) (bool, error) {
	unknown := u.Host != ""
	at, err := sdk.ParseAddress(u.ID)
	if err != nil {
		return unknown, nil //nolint:nilerr // it is none of ours
	}
	s, err := f.h.engine.State(ctx, run.ID(at.Run))
	if errors.Is(err, store.ErrNotFound) {
		return unknown, nil
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.Interrupted(), func(i *run.Instance) bool { return s.Address(i).String() == u.ID }), nil
}

func (f *fleetHost) connection(err error) {
	if err != nil {
		f.h.cfg.Log.Warn("redis does not answer: what runs goes on, and nothing new is sent to other machines until it does", "error", err)
		return
	}
	f.h.cfg.Log.Warn("redis answers again")
}

// changed takes in an agent that has become another.
func (f *fleetHost) changed(m fleet.Member) {
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
	v, err := f.h.catalog.View(context.Background())
	if err != nil {
		f.h.cfg.Log.Warn("the catalog cannot be read", "error", err)
		return
	}
	f.greet(v, m)
	f.h.placer.Agent(placement.Agent{ID: m.Agent, Name: m.Name, Offers: offersOf(v, m), Away: m.Away, Tasks: m.Tasks, Files: f.stockOf(m), Coming: coming(m.Status.Fetching)}, m.Status.Devices, m.Status.RAM, m.Status.Disk, m.Status.Warm)
}

// apart says that an agent and this host do not understand each other.
func (f *fleetHost) apart(m fleet.Member) string {
	return (&protocol.IncompatibleError{Host: protocol.End{Name: f.cfg.Name, Version: f.h.cfg.Version, Speaks: protocol.Version},
		Agent: protocol.End{Name: m.Name, Version: m.Version, Speaks: m.V}}).Error()
}

// greet tells a process that has not been heard before what is seen of it.
func (f *fleetHost) greet(v *catalog.View, m fleet.Member) {
	f.mu.Lock()
	known := m.Offline || f.seen[m.Agent] == m.Session
	if !known {
		f.seen[m.Agent] = m.Session
	}
	f.mu.Unlock()
	if known {
		return
	}
	seen := protocol.Seen{V: protocol.Version, Host: f.cfg.Name, Version: f.h.cfg.Version, Devices: len(m.Status.Devices)}
	for _, p := range m.Plugins {
		if serves(v, p) {
			seen.Plugins = append(seen.Plugins, p.Name)
		}
	}
	f.link.Order(m.Agent, protocol.Order{Seen: &seen})
}

// serves says whether an agent's plugin is of the version which pipelines are checked against.
func serves(v *catalog.View, p protocol.Offered) bool {
	e, ok := v.Entry(p.Name)
	return ok && e.Kind == catalog.Plugin && e.State == catalog.Ready && e.Version == p.Version
}

// offersOf gives the node types of those plugins of an agent that may be given tasks.
func offersOf(v *catalog.View, m fleet.Member) []string {
	out := []string{}
	for _, p := range m.Plugins {
		if serves(v, p) {
			for _, t := range p.Manifest.NodeTypes {
				out = append(out, t.Offers(p.Settings)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// offer notes what agents offer, so that the catalog knows when that changes.
func (f *fleetHost) offer() {
	_, stamp := f.elsewhere()
	f.mu.Lock()
	changed := f.offered != stamp
	f.offered = stamp
	f.mu.Unlock()
	if changed {
		f.h.tellPlacer()
	}
}

// elsewhere gives the plugins that other machines have: of each the newest version.
func (f *fleetHost) elsewhere() ([]catalog.Entry, string) {
	found := map[string]*catalog.Entry{}
	var names, stamp []string
	for _, m := range f.link.Members() {
		for _, p := range m.Plugins {
			stamp = append(stamp, m.Agent+"/"+p.Name+"@"+p.Version+"#"+p.Checksum)
			e := found[p.Name]
			switch {
			case e == nil || newer(p.Version, e.Version):
				if e == nil {
					names = append(names, p.Name)
				}
				found[p.Name] = &catalog.Entry{Name: p.Name, Version: p.Version, Kind: catalog.Plugin, State: catalog.Ready, SHA256: p.Checksum, Manifest: p.Manifest, Agents: []string{m.Name}}
			case e.Version == p.Version:
				e.Agents = append(e.Agents, m.Name)
			}
		}
	}
	slices.Sort(names)
	var out []catalog.Entry
	for _, name := range names {
		e := found[name]
		e.Path = "on " + strings.Join(e.Agents, ", ")
		out = append(out, *e)
	}
	slices.Sort(stamp)
	return out, strings.Join(stamp, "\n")
}

// newer says whether a version is above another: number by number, and else by their letters.
func newer(a, b string) bool {
	x, errA := version.NewVersion(a)
	y, errB := version.NewVersion(b)
	if errA != nil || errB != nil {
		return a > b
	}
	return x.GreaterThan(y)
}
