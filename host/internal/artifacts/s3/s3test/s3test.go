// Package s3test starts real S3 servers for tests: versitygw and MinIO, on a loopback port and a folder of their own, with a key that
// is theirs alone. They end with the test, or with the test process. It refuses a machine without them: aloud, with the command that
// builds them, and in CI by failing.
package s3test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
	"github.com/myspinbot/spinbot/host/internal/freeport"
)

// Kinds are the servers that there are.
var Kinds = []string{"versitygw", "minio"}

// The key that every server here takes.
const (
	AccessKey = "spinbot-test"
	SecretKey = "spinbot-test-secret"
)

// patience is how long a server may take to begin.
const patience = 30 * time.Second

// Server is one S3 server.
type Server struct {
	Kind string
	Addr string // host:port on loopback
	Dir  string // what it stores

	starter *group.Starter
	proc    *group.Program
	mu      sync.Mutex
	output  []string
}

// Start starts a server that ends with the test.
func Start(t testing.TB, kind string) *Server {
	t.Helper()
	program, err := find(kind)
	switch {
	case err != nil && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	s := &Server{Kind: kind, Dir: t.TempDir(), starter: group.NewStarter()}
	t.Cleanup(s.close)
	for range 5 { // a port that was free may be somebody else's a moment later
		if err = s.start(t.Context(), program); err == nil {
			return s
		}
	}
	t.Fatalf("%s does not start: %v\n%s", kind, err, s.Output())
	return nil
}

// Missing says that there is no server to test with, and what to do; nil: there is one.
func Missing(kind string) error {
	_, err := find(kind)
	return err
}

func find(kind string) (string, error) {
	for _, name := range []string{kind, filepath.Join(tools(), kind)} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("needs the S3 server %s: make s3-servers builds it", kind)
}

// tools is where make puts the programs that only tests need.
func tools() string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join(dir, ".tools")
}

func (s *Server) start(ctx context.Context, program string) error {
	port, err := freeport.Any()
	if err != nil {
		return err
	}
	s.Addr = "127.0.0.1:" + port
	env := append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey, "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CALLHOME_ENABLE=off")
	p := group.New(program, env, s.starter, func(_ bool, line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.output = append(s.output[max(0, len(s.output)-50):], line)
	})
	if s.Kind == "minio" {
		p.AddArgs("server", "--quiet", "--address", s.Addr, s.Dir)
	} else {
		p.AddArgs("--port", s.Addr, "--quiet", "posix", s.Dir)
	}
	if err := p.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, p.Stdout()) }() // ends with the program
	s.proc = p
	for end := time.Now().Add(patience); ; {
		res, err := http.Get("http://" + s.Addr + "/")
		if err == nil {
			res.Body.Close()
			name := res.Header.Get("Server")
			switch {
			case !strings.EqualFold(name, s.Kind):
				err = fmt.Errorf("%q answers at its port", name)
			case res.StatusCode == http.StatusServiceUnavailable:
				err = fmt.Errorf("it answers %s", res.Status)
			default:
				return nil
			}
		}
		if p.Ended() || time.Now().After(end) {
			p.End()
			<-p.Done()
			return err
		}
		time.Sleep(10 * time.Millisecond) // it tells nobody when it is ready
	}
}

// URL gives the address of the server.
func (s *Server) URL() string { return "http://" + s.Addr }

// Output gives the last lines that the server said.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.output, "\n")
}

func (s *Server) close() {
	if s.proc != nil {
		s.proc.End()
		<-s.proc.Done()
	}
	s.starter.Close()
}
