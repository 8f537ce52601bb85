package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/group"
)

const (
	firstPause   = 100 * time.Millisecond // before a server that died is started again; doubled each time
	longestPause = 30 * time.Second
	steady       = time.Minute      // who lived as long begins with firstPause again
	endWithin    = 10 * time.Second // for what is on its way to the disk
	look         = 20 * time.Millisecond
	portPatience = 3 * time.Second // for a server that is just ending
)

// first starts the server for the first time, when what is wrong is told to the caller.
func (s *Server) first(ctx context.Context) error {
	for began := time.Now(); ; {
		err := s.launch(ctx)
		if !errors.Is(err, errPortTaken) || time.Since(began) > portPatience {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * look):
		}
	}
}

// keep starts the server again whenever it dies, until it is told to stop; then it ends it.
func (s *Server) keep(ctx context.Context) {
	defer close(s.kept)
	pause, began := firstPause, time.Now()
	for {
		p := s.current()
		select {
		case <-ctx.Done():
			s.end(p)
			return
		case <-p.Done():
		}
		if time.Since(began) > steady {
			pause = firstPause
		}
		s.cfg.Log.Error("the fleet's redis died and is started again; its data is kept", "how", howItEnded(p), "in", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause, began = min(2*pause, longestPause), time.Now()
		if err := s.launch(ctx); err == nil {
			s.cfg.Log.Info("the fleet's redis runs again", "pid", s.PID())
		} else if ctx.Err() == nil {
			s.cfg.Log.Error("the fleet's redis does not start", "error", err)
		}
	}
}

func howItEnded(p *group.Program) string {
	if state := p.Facts().State; state != nil {
		return state.String()
	}
	return "it did not start"
}

// launch starts the server and waits until it answers. One that does not is ended.
func (s *Server) launch(ctx context.Context) error {
	said := &lastLines{}
	onLine := func(line string) {
		said.add(line)
		s.logLine(line)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "TZ=" + os.Getenv("TZ")}
	p := group.New(s.cfg.Program, env, s.starter, func(_ bool, line string) { onLine(line) })
	p.AddArgs(s.path(configFile))
	p.AddFiles(s.lock)
	if err := p.Start(ctx); err != nil {
		s.set(p)
		return fmt.Errorf("start %s: %w", s.cfg.Program, err)
	}
	go func() {
		if first, _ := io.ReadAll(p.Stdout()); len(first) > 0 { // group keeps the first line apart
			onLine(strings.TrimSpace(string(first)))
		}
	}()
	s.set(p)
	if err := s.ready(ctx, p); err != nil {
		s.end(p)
		return s.explain(err, said.String())
	}
	return nil
}

func (s *Server) set(p *group.Program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc = p
}

// errEnded is of a server that ended before it answered.
var errEnded = errors.New("redis-server ended as soon as it was started")

// ready waits for the first answer. A server that reads its data says so, and may take as long as it takes.
func (s *Server) ready(ctx context.Context, p *group.Program) error {
	for {
		err := s.client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(look): // it tells nobody when it is ready
		}
	}
}

// end asks the server to end, and kills it when it does not.
func (s *Server) end(p *group.Program) {
	_ = p.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-p.Done():
		return
	case <-time.After(endWithin):
		s.cfg.Log.Error("the fleet's redis did not end in time and is killed", "after", endWithin)
	}
	p.End()
	<-p.Done()
}

// What explain knows of why a server did not start.
var (
	errPortTaken = errors.New("the port is taken")
	errNoTLS     = errors.New("it was built without TLS")
)

// explain tells from the server's last lines why it did not start.
func (s *Server) explain(err error, said string) error {
	switch {
	case !errors.Is(err, errEnded):
		return err
	case strings.Contains(said, "Address already in use"):
		return fmt.Errorf("listen address %s: %w by another program, perhaps another host's fleet or the system's redis-server (`ss -ltnp 'sport = :%s'` tells which): end that, or choose another address with --fleet-listen", s.cfg.Listen, errPortTaken, s.port)
	case strings.Contains(said, "annot assign requested address"):
		return fmt.Errorf("listen address %s: this machine has no such address: choose another with --fleet-listen", s.cfg.Listen)
	case strings.Contains(said, "tls-port") && strings.Contains(said, "Bad directive"):
		return fmt.Errorf("%s: %w: install one that has it (%s), or let the fleet stay on this machine: listen on 127.0.0.1:%s, in plain text", s.cfg.Program, errNoTLS, install(), s.port)
	case strings.Contains(said, "Bad file format reading the append only file"):
		return fmt.Errorf("its data is damaged in the middle: look at it with `redis-check-aof %s/appendonlydir/*.manifest`; --fix cuts off what cannot be read; or move the folder away to begin with nothing, and hosts and agents send again what they hold\n%s", s.path("data"), said)
	}
	return fmt.Errorf("%w; it said:\n%s", err, said)
}

// lastLines keeps the last lines of an output.
type lastLines struct {
	mu    sync.Mutex
	lines []string
}

const keptLines = 12

func (l *lastLines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines[max(0, len(l.lines)-keptLines+1):], line)
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// logged is a line as Redis writes it: process:role, date, level, message.
var logged = regexp.MustCompile(`^\d+:[XCSM] .{0,40}? ([.*#-]) (.*)$`)

// logLine passes on what Redis says. Its own levels tell little: it warns that it starts.
func (s *Server) logLine(line string) {
	level, text := slog.LevelInfo, line
	if m := logged.FindStringSubmatch(line); m != nil {
		level, text = slog.LevelDebug, m[2]
		if m[1] == "#" {
			level = slog.LevelInfo
		}
	}
	if strings.Contains(text, "WARNING") || strings.Contains(text, "rror") {
		level = slog.LevelWarn
	}
	s.cfg.Log.Log(context.Background(), level, "redis: "+text)
}
