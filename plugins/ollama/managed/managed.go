// Package managed starts an Ollama of ours and ends it: one process, pinned to the devices of this one.
package managed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	beat    = time.Second            // how long one question may take that asks whether it answers
	recheck = 100 * time.Millisecond // between two of them
)

const hint = "it is started anew for the next attempt; what it wrote last is in the detail"

// Launch says how it is started.
type Launch struct {
	Program  string
	Models   string            // folder; empty: Ollama's own
	Env      map[string]string // more variables
	Patience time.Duration     // until it answers
}

// Server is an Ollama that this process starts, on the devices that the process has: the host's variables that pin it are handed on.
type Server struct {
	launch   Launch
	starting chan struct{} // holds one while a server is being started

	mu  sync.Mutex
	now *process // the newest; nil before the first
}

// New gives a server that is not started yet.
func New(l Launch) *Server { return &Server{launch: l, starting: make(chan struct{}, 1)} }

// process is one ollama serve.
type process struct {
	client *api.Client
	cmd    *exec.Cmd
	said   tail
	ended  chan struct{}
}

// Running gives the client of the server if it is up; nil: it is not.
func (s *Server) Running() *api.Client {
	if p := s.newest(); p != nil && !p.over() {
		return p.client
	}
	return nil
}

// Pid is the newest process's, which leads its group; 0: there was none.
func (s *Server) Pid() int {
	if p := s.newest(); p != nil {
		return p.cmd.Process.Pid
	}
	return 0
}

func (s *Server) newest() *process { s.mu.Lock(); defer s.mu.Unlock(); return s.now }

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Up starts the server unless it runs, and gives its client.
func (s *Server) Up(ctx context.Context, t *sdk.Task) (*api.Client, error) {
	select {
	case s.starting <- struct{}{}:
		defer func() { <-s.starting }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c := s.Running(); c != nil {
		return c, nil
	}
	if p := s.newest(); p != nil {
		t.Log("warn", "the managed Ollama had ended and is started anew; it wrote: "+p.said.String())
	}
	p, err := s.start()
	if err != nil {
		return nil, sdk.Refuse("cannot start "+s.launch.Program+": "+err.Error(), "install Ollama, or name its program: plugin \"ollama\" { program = \"…\" } in spinbot.hcl")
	}
	if err := p.ready(ctx, s.launch.Patience, t); err != nil {
		endGroup(p.cmd)
		<-p.ended
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = p
	return p.client, nil
}

func (s *Server) start() (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	host := l.Addr().String()
	l.Close() // it was free a moment ago: if somebody takes it, the server says so and ends
	p := &process{client: api.New(&url.URL{Scheme: "http", Host: host}, nil, hint), ended: make(chan struct{})}
	p.cmd = exec.Command(s.launch.Program, "serve")
	// Several servers share a folder of models. One that prunes as it starts would take what another is about to use.
	p.cmd.Env = append(os.Environ(), "OLLAMA_HOST="+host, "OLLAMA_NOPRUNE=1")
	if s.launch.Models != "" {
		p.cmd.Env = append(p.cmd.Env, "OLLAMA_MODELS="+s.launch.Models)
	}
	for k, v := range s.launch.Env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	ownGroup(p.cmd)
	err = p.cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		var written sync.WaitGroup
		written.Go(func() { _, _ = io.Copy(&p.said, out) }) // until all that hold the other end are gone
		_ = p.cmd.Wait()                                    // how it ended is in what it wrote
		endGroup(p.cmd)                                     // its runners hold memory of the device, and the pipe
		written.Wait()
		out.Close()
	}()
	return p, nil
}

// ready waits until the server answers.
func (p *process) ready(ctx context.Context, patience time.Duration, t *sdk.Task) error {
	late := time.After(patience)
	t.Progress(-1, "starting Ollama")
	for {
		var got struct{ Version string }
		brief, done := context.WithTimeout(ctx, beat)
		err := p.client.Ask(brief, http.MethodGet, "/api/version", nil, &got)
		done()
		if err == nil && !p.over() {
			return nil
		}
		select {
		case <-p.ended:
			return &sdk.Error{Cause: sdk.CauseFailed, Message: "the managed Ollama ended as it began", Hint: "what it wrote last says why", Detail: p.said.String()}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("the managed Ollama does not answer %s after it was started", patience), Hint: "what it wrote last may say why", Detail: p.said.String()}
		case <-time.After(recheck):
		}
	}
}

// Explain adds what the server wrote last to a failure, when it has ended.
func (s *Server) Explain(err error) error {
	var e *sdk.Error
	if s == nil || !errors.As(err, &e) || e.Permanent {
		return err
	}
	p := s.newest()
	if p == nil {
		return err
	}
	select {
	case <-p.ended:
		out := *e
		out.Message, out.Detail = "the managed Ollama ended: "+e.Message, p.said.String()
		return &out
	case <-time.After(beat): // a connection breaks a moment before its process is known to be gone
		return err
	}
}

// Close ends the server.
func (s *Server) Close() {
	if p := s.newest(); p != nil {
		endGroup(p.cmd)
		<-p.ended
	}
}

// tail keeps the last that was written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(p), nil
}

// String gives whole lines of what was written last.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buf
	if len(b) == tailSize {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "�")
}
