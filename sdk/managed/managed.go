// Package managed keeps a server that a plugin needs: a program that is started for the first task, on the devices of the plugin's process
// since it inherits its environment, is started anew once it has ended, and ends with the plugin.
package managed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	beat    = time.Second            // how long one question may take that asks whether it answers
	recheck = 100 * time.Millisecond // between two of them
)

// Launch says how a server is started.
type Launch struct {
	// Name is what people call it, such as "Ollama".
	Name string
	// Install says what to do when its program cannot be started.
	Install string
	// Command makes the program that is to answer at a loopback address, host:port. Where it writes to is set by the Server.
	Command func(address string) (*exec.Cmd, error)
	// Ready asks whether it answers; nil: it does.
	Ready func(ctx context.Context, address string) error
	// Patience is how long it may take until it answers.
	Patience time.Duration
	// Log is a file that gets all that the program writes; the one before it becomes Log + ".1". Empty: only the last of it is kept, in memory.
	Log string
}

// Server is a server that this process starts.
type Server struct {
	launch   Launch
	starting chan struct{} // holds one while it is being started

	mu  sync.Mutex
	now *process // the newest; nil before the first
}

// New gives a server that is not started yet.
func New(l Launch) *Server { return &Server{launch: l, starting: make(chan struct{}, 1)} }

// process is one run of the program.
type process struct {
	address string
	cmd     *exec.Cmd
	said    tail
	ended   chan struct{}
}

// Running gives the address of the server if it is up; empty: it is not.
func (s *Server) Running() string {
	if p := s.newest(); p != nil && !p.over() {
		return p.address
	}
	return ""
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

// Up starts the server unless it runs, and gives its address.
func (s *Server) Up(ctx context.Context, t *sdk.Task) (string, error) {
	select {
	case s.starting <- struct{}{}:
		defer func() { <-s.starting }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if address := s.Running(); address != "" {
		return address, nil
	}
	if p := s.newest(); p != nil {
		t.Log("warn", "the managed "+s.launch.Name+" had ended and is started anew; it wrote: "+p.said.String())
	}
	p, err := s.start()
	if err != nil {
		return "", sdk.Refuse("cannot start "+s.launch.Name+": "+err.Error(), s.launch.Install)
	}
	if err := s.ready(ctx, p, t); err != nil {
		endGroup(p.cmd)
		<-p.ended
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = p
	return p.address, nil
}

func (s *Server) start() (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{address: l.Addr().String(), ended: make(chan struct{})}
	l.Close() // it was free a moment ago: if somebody takes it, the server says so and ends
	if p.cmd, err = s.launch.Command(p.address); err != nil {
		return nil, err
	}
	log, err := s.log()
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		log.Close()
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	ownGroup(p.cmd)
	err = p.cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		log.Close()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		defer log.Close()
		var written sync.WaitGroup
		written.Go(func() { _, _ = io.Copy(io.MultiWriter(&p.said, patient{log}), out) }) // until all that hold the other end are gone
		_ = p.cmd.Wait()                                                                  // how it ended is in what it wrote
		endGroup(p.cmd)                                                                   // what it started holds memory of the device, and the pipe
		written.Wait()
		out.Close()
	}()
	return p, nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context, p *process, t *sdk.Task) error {
	late := time.After(s.launch.Patience)
	began := time.Now()
	for said := time.Duration(0); ; {
		if since := time.Since(began); since >= said { // silence would count as idle
			t.Progress(-1, fmt.Sprintf("starting %s: %s", s.launch.Name, since.Round(time.Second)))
			said += beat
		}
		brief, done := context.WithTimeout(ctx, beat)
		err := s.launch.Ready(brief, p.address)
		done()
		if err == nil && !p.over() {
			return nil
		}
		select {
		case <-p.ended:
			return p.failure("the managed " + s.launch.Name + " ended as it began")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return p.failure(fmt.Sprintf("the managed %s does not answer %s after it was started", s.launch.Name, s.launch.Patience))
		case <-time.After(recheck):
		}
	}
}

func (p *process) failure(message string) error {
	return &sdk.Error{Cause: sdk.CauseFailed, Message: message, Hint: "what it wrote last, in the detail, may say why", Detail: p.said.String()}
}

// Explain adds what the server wrote last to a failure, when it has ended. A nil Server explains nothing.
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
		out.Message, out.Detail = "the managed "+s.launch.Name+" ended: "+e.Message, p.said.String()
		out.Hint = "it is started anew for the next attempt; what it wrote last is in the detail" + s.where()
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
