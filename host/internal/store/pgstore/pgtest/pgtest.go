// Package pgtest starts a PostgreSQL for tests: a real server in a temporary folder of its own, reached through a unix
// socket there, and gone with the process that started it.
//
// A package's tests share one: TestMain calls Main, tests call Database for an empty database each. A test that kills its
// server, or measures, has one of its own: New.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Install is the command that installs what is missing.
const Install = "apt-get install postgresql"

const startFor = 60 * time.Second

// Server is a PostgreSQL.
type Server struct {
	bin, dir string
	settings []string
	cmd      *exec.Cmd
	gone     chan struct{} // closed when the process has ended
	log      *os.File
	count    atomic.Int64 // databases made
}

var shared struct {
	sync.Once
	server *Server
	err    error
}

// Main runs the package's tests and ends the shared server: func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.server != nil {
		shared.server.remove()
	}
	return code
}

// Database gives the URL of an empty database on the server that the package's tests share. It forgets everything when
// the machine fails, and is fast.
func Database(t testing.TB) string {
	t.Helper()
	shared.Do(func() { shared.server, shared.err = start("fsync=off") })
	check(t, shared.err)
	return shared.server.Database(t)
}

// New starts a server of the test's own, with settings like fsync=off.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(settings...)
	check(t, err)
	t.Cleanup(s.remove)
	return s
}

// Vector is Database on a server that has the extension pgvector.
func Vector(t testing.TB) string {
	t.Helper()
	url := Database(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var there bool
	err = conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector')").Scan(&there)
	switch {
	case err != nil:
		t.Fatal(err)
	case !there:
		t.Skip("needs pgvector: scripts/setup develop, or apt-get install postgresql-NN-pgvector")
	}
	return url
}

var errMissing = errors.New("needs PostgreSQL's server: " + Install)

func check(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errMissing) && os.Getenv("CI") == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// Missing says that there is no server to test with, and what to do; nil: there is one.
func Missing() error {
	_, err := find()
	return err
}

// find gives the folder of the newest server that is installed.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return len(b)*1000 - len(a)*1000 + bytes.Compare([]byte(b), []byte(a)) })
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, filepath.Dir(path))
	}
	for _, dir := range found {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

// access lets everybody in who reaches the socket, but asks a user named locked for a password.
const access = "local all locked scram-sha-256\nlocal all all trust\n"

func start(settings ...string) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "pg") // a socket's path is 107 bytes at most
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, settings: settings}
	who, err := credential()
	if err == nil && who.Credential != nil {
		err = os.Chown(dir, int(who.Credential.Uid), int(who.Credential.Gid))
	}
	if err == nil {
		init := exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
		init.SysProcAttr, init.Dir = who, dir
		var out []byte
		if out, err = init.CombinedOutput(); err != nil {
			err = fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(access), 0o644)
	}
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Start starts the server on its folder, unless it runs, and waits until it answers.
func (s *Server) Start() (err error) {
	if s.cmd != nil {
		return nil
	}
	deadline := time.Now().Add(startFor)
	for {
		if err = s.launch(); err == nil {
			if err = s.ready(deadline); err == nil {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return err
		}
		// Who is left of a killed server still holds its memory: the new one said so and ended.
	}
}

func (s *Server) launch() error {
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, set := range s.settings {
		args = append(args, "-c", set)
	}
	who, err := credential()
	if err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return err
	}
	defer s.log.Close()
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	s.cmd.SysProcAttr, s.cmd.Dir, s.cmd.Stderr = who, s.dir, s.log
	s.gone = make(chan struct{})
	return s.launchOwned()
}

// ready polls until the server answers, or has ended.
func (s *Server) ready(deadline time.Time) error {
	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			err = conn.Close(ctx)
			cancel()
			return err
		}
		cancel()
		select {
		case <-s.gone:
			s.cmd = nil
			said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres ended at once: %s", said)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// URL gives the URL of the database, for PostgreSQL's superuser.
func (s *Server) URL(database string) string {
	return "postgres://postgres@/" + database + "?host=" + s.dir
}

// Socket is the folder of the server's unix socket.
func (s *Server) Socket() string { return s.dir }

// Database makes an empty database and gives its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.count.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// Exec runs a statement in the database.
func (s *Server) Exec(t testing.TB, database, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Kill ends the server and all of its processes with SIGKILL, as a failing machine would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	pids := children(s.cmd.Process.Pid)
	_ = s.cmd.Process.Kill() // it may have ended
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.gone
	s.cmd = nil
}

// Crash kills one of the server's processes: the server ends all connections, recovers and goes on.
func (s *Server) Crash(backend int) error { return syscall.Kill(backend, syscall.SIGKILL) }

func (s *Server) remove() {
	s.Kill()
	os.RemoveAll(s.dir)
}
