// Package supervise runs the Redis of a fleet as a child of the host (`serve --fleet`), and lets other machines join it by
// one line of text.
//
// It owns a folder: the settings, the authority that signs the server's certificate, the users, and the data. The server
// takes TLS on its port and the host itself on a unix socket; it dies with the host, and is started again when it dies alone.
// A join token is good once and until it expires, by the server's clock; who redeems it is given Credentials of its own,
// sealed for its key. It refuses a folder or a port that somebody else has, and a port without TLS that other machines reach.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// DefaultListen is where other machines reach the server, beside the port that a Redis of the system has.
const DefaultListen = ":6390"

// Config says where the server lives and how it is reached.
type Config struct {
	// Dir is its folder in the state directory; it is made.
	Dir string
	// Namespace of the fleet; empty: dial.DefaultNamespace.
	Namespace string
	// Listen is host:port for other machines; empty: DefaultListen. Without a host it is every address of the machine.
	Listen string
	// Advertise is the name or the address, with a port if that is another one outside, by which other machines reach this
	// one; empty: the first address of the machine.
	Advertise string
	// Plain leaves TLS away, on a loopback address only.
	Plain bool
	// Program is the server's path; empty: redis-server or valkey-server in PATH.
	Program string
	// Log gets what the server says, line by line, and what happens to it; nil: nothing is logged.
	Log *slog.Logger
	// Now is the clock; nil: time.Now. What expires is judged by the server's.
	Now func() time.Time
}

// Server is the running child and what surrounds it. It is safe for concurrent use.
type Server struct {
	cfg        Config
	host, port string
	socket     string
	socketDir  string // one outside of the folder, whose path is too long for a socket
	pin        string // of the authority; empty: no TLS
	lock       *os.File
	starter    *group.Starter
	client     redis.UniversalClient
	facts      dial.Facts
	stop       context.CancelFunc // ends keep
	kept       chan struct{}      // closed when keep has ended
	closing    sync.Once
	opened     chan struct{} // holds one while there may be a token that ServeJoins does not know yet

	mu   sync.Mutex
	proc *group.Program
}

// Start prepares the folder, starts the server and waits until it answers, which takes as long as it reads its data.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("the fleet's redis: %w", err)
	}
	if err := s.begin(ctx); err != nil {
		s.release()
		return nil, fmt.Errorf("the fleet's redis: %w", err)
	}
	return s, nil
}

func newServer(cfg Config) (*Server, error) {
	if cfg.Namespace == "" {
		cfg.Namespace = dial.DefaultNamespace
	}
	if cfg.Listen == "" {
		cfg.Listen = DefaultListen
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	s := &Server{cfg: cfg, opened: make(chan struct{}, 1)}
	s.host, s.port, err = net.SplitHostPort(cfg.Listen)
	if n, portErr := strconv.ParseUint(s.port, 10, 16); err != nil || portErr != nil || n == 0 {
		return nil, fmt.Errorf("listen address %q: it is host:port or :port, with a port from 1 to 65535", cfg.Listen)
	}
	if cfg.Plain && !isLoopback(s.host) {
		return nil, fmt.Errorf("listen address %q: without TLS the server listens on this machine only, since passwords and secrets would cross the network in the clear: take 127.0.0.1:%s, or leave TLS on", cfg.Listen, s.port)
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// begin takes the folder, writes what is in it, and starts the server.
func (s *Server) begin(ctx context.Context) (err error) {
	if s.cfg.Program, err = find(s.cfg.Program); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.cfg.Dir, "data"), 0o700); err != nil {
		return err
	}
	if s.lock, err = takeFolder(ctx, s.cfg.Dir); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	if s.client, err = dial.Connect(s.Dial()); err != nil {
		return err
	}
	s.starter = group.NewStarter()
	if err := s.first(ctx); err != nil {
		return err
	}
	rights := dial.HostRights(s.cfg.Namespace)
	rights.User = hostUser
	if s.facts, err = dial.Check(ctx, s.client, rights); err != nil {
		s.end(s.current())
		return err
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.kept = stop, make(chan struct{})
	go s.keep(keeping)
	return nil
}

// release gives back what begin took, as far as it came.
func (s *Server) release() {
	if s.client != nil {
		_ = s.client.Close()
	}
	if s.starter != nil {
		s.starter.Close()
	}
	if s.socketDir != "" {
		_ = os.RemoveAll(s.socketDir)
	}
	if s.lock != nil {
		s.lock.Close()
	}
}

// Close ends the server cleanly, so that everything is on disk, and by force when that takes too long.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.stop()
		<-s.kept
		s.release()
	})
}

// Dial is how the host itself reaches the server.
func (s *Server) Dial() dial.Config {
	return dial.Config{URL: "unix://" + s.socket, User: hostUser, PasswordFile: s.path(hostPassword), Namespace: s.cfg.Namespace}
}

// Agent is how an agent that shares this machine's files reaches the server without joining.
func (s *Server) Agent(id string) dial.Config {
	return dial.Config{URL: "unix://" + s.socket, User: agentUser, PasswordFile: s.path(agentPassword), Namespace: s.cfg.Namespace, Agent: id}
}

// Facts are what is known of the server since it was started first.
func (s *Server) Facts() dial.Facts { return s.facts }

// PID is the server's process, another one after it was started again.
func (s *Server) PID() int { return s.current().PID() }

func (s *Server) current() *group.Program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

func (s *Server) path(name string) string { return filepath.Join(s.cfg.Dir, name) }

// errTaken is of a folder that another host holds.
var errTaken = errors.New("another host, or the redis-server that it left, holds the folder")
