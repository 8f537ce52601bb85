// Package redistest starts a real redis-server for tests: on a unix socket and a loopback port of its own, in a folder of
// its own that a restart finds again. Tests kill it, halt it, and start it again; it ends with the test, or with the test
// process. It refuses a machine without redis-server: aloud, with the command that installs it, and in CI by failing.
package redistest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/host/internal/freeport"
)

// patience is how long a server may take to begin or to end.
const patience = 60 * time.Second

// Option changes how a server is started.
type Option func(*Server)

// Fsync has every write in the append-only file: "always", "everysec" or "no" say when it reaches the disk.
func Fsync(when string) Option { return With("appendonly", "yes", "appendfsync", when) }

// With adds settings: name, value, name, value.
func With(settings ...string) Option {
	return func(s *Server) {
		for pair := range slices.Chunk(settings, 2) {
			s.args = append(s.args, "--"+pair[0], pair[1])
		}
	}
}

// Server is one redis-server. Without Fsync it keeps nothing on disk.
type Server struct {
	Dir    string // its data, kept over restarts
	Socket string // a unix socket
	Port   int    // on 127.0.0.1

	program  string
	args     []string
	sentinel string // its file of settings, which it writes itself
	starter  *group.Starter

	mu     sync.Mutex
	proc   *group.Program
	output []string // its last lines
}

// Start starts a server that ends with the test.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := begin(find(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// shared is the server that the tests of a package have together.
var shared struct {
	mu      sync.Mutex
	options []Option
	server  *Server
}

// StartMain runs the tests of a package and ends the server that Shared gave them:
//
//	func TestMain(m *testing.M) { os.Exit(redistest.StartMain(m)) }
func StartMain(m *testing.M, options ...Option) int {
	shared.options = options
	code := m.Run()
	if shared.server != nil {
		shared.server.close()
	}
	return code
}

// Shared gives the one server of a package, which is started when the first test asks. Tests tell their keys apart by
// namespaces.
func Shared(t testing.TB) *Server {
	t.Helper()
	program := find(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		s, err := begin(program, shared.options)
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return shared.server
}

// find gives the program, or ends the test.
func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const text = "redis-server is missing; install it: apt-get install redis-server (macOS: brew install redis)"
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

func begin(program string, options []Option) (*Server, error) {
	dir, err := os.MkdirTemp("", "redis") // a socket's path has little room
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, Socket: filepath.Join(dir, "s"), program: program, starter: group.NewStarter()}
	for _, o := range options {
		o(s)
	}
	for range 5 { // a port that was free may be somebody else's a moment later
		var port string
		if port, err = freeport.Any(); err != nil {
			break
		}
		if s.Port, err = strconv.Atoi(port); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	s.close()
	return nil, err
}

func (s *Server) start() error {
	p := group.New(s.program, os.Environ(), s.starter, func(_ bool, line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.output = append(s.output[max(0, len(s.output)-50):], line)
	})
	var args []string
	if s.sentinel != "" {
		args = []string{s.sentinel, "--sentinel"}
	}
	args = append(args, "--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--unixsocket", s.Socket, "--dir", s.Dir, "--logfile", "")
	if s.sentinel == "" {
		args = append(args, "--save", "")
	}
	p.AddArgs(append(args, s.args...)...)
	if err := p.Start(context.Background()); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, p.Stdout()) }() // its first line, which has to be taken; it ends with the program
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
	return s.wait(p)
}

// wait waits until the server has read its data and answers.
func (s *Server) wait(p *group.Program) error {
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket, Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true})
	defer func() { _ = c.Close() }()
	for end := time.Now().Add(patience); ; {
		_, err := os.Stat(s.Socket)
		if err == nil {
			err = c.Ping(context.Background()).Err()
		}
		if err == nil || strings.HasPrefix(err.Error(), "NOAUTH") || strings.HasPrefix(err.Error(), "NOPERM") {
			return nil
		}
		if p.Ended() || time.Now().After(end) {
			p.End()
			<-p.Done()
			return fmt.Errorf("redis-server does not answer: %w\n%s", err, s.Output())
		}
		time.Sleep(5 * time.Millisecond) // it tells nobody when it is ready
	}
}

func (s *Server) current() *group.Program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

func (s *Server) close() {
	if p := s.current(); p != nil {
		p.End()
		<-p.Done()
	}
	s.starter.Close()
	_ = os.RemoveAll(s.Dir)
}

// Output gives the last lines that the server said.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.output, "\n")
}

// PID is the process, a new one after each restart.
func (s *Server) PID() int { return s.current().PID() }

// CPU is the processor time that the process has used, in steps of 10 ms; 0 where there is no /proc.
func (s *Server) CPU() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Addr gives host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// URL gives the address of its port: redis://127.0.0.1:port.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// UnixURL gives the address of its socket: unix:///path.
func (s *Server) UnixURL() string { return "unix://" + s.Socket }

// Client gives a client on the socket that is closed with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Kill ends the server as a power cut would end the process, and waits until it is gone. Its folder stays.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p := s.current()
	p.End()
	s.gone(t, p)
}

// Shutdown ends the server cleanly and waits until it is gone. Its folder stays.
func (s *Server) Shutdown(t testing.TB) {
	t.Helper()
	p := s.current()
	s.signal(t, syscall.SIGTERM)
	s.gone(t, p)
}

func (s *Server) gone(t testing.TB, p *group.Program) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatalf("redis-server does not end:\n%s", s.Output())
	}
}

// Stop halts the server: connections stay open and nothing is answered, until Cont.
func (s *Server) Stop(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGSTOP) }

// Cont lets a halted server go on.
func (s *Server) Cont(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := s.current().Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a server that was ended on the same folder, socket and port, with more settings if there are any; one that
// still runs is killed first.
func (s *Server) Restart(t testing.TB, options ...Option) {
	t.Helper()
	s.Kill(t)
	for _, o := range options {
		o(s)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Wipe removes the data, between Kill and Restart: a server that lost its disk.
func (s *Server) Wipe(t testing.TB) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
