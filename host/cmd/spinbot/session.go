package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// session is a command's way to a host: this process, when it could take the state directory over, or its holder.
type session struct {
	*client.Client
	host *host.Host // nil when another process is the host
	// elsewhere: the host may be on another machine, and sees no files of this one
	elsewhere bool
}

// connect reaches the host of the state directory, or the one of --host.
func (p *program) connect(ctx context.Context) (*session, error) {
	if p.hostURL != "" {
		return p.elsewhere()
	}
	state, err := local.At(p.stateDir)
	if err != nil {
		return nil, err
	}
	lock, c, err := state.Reach(ctx)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return &session{Client: c}, nil
	}
	cfg, err := p.hostConfig(state, lock)
	if err != nil {
		lock.Release()
		return nil, err
	}
	h, err := host.Open(ctx, cfg)
	if err != nil {
		lock.Release()
		return nil, err
	}
	return &session{Client: h.Client(), host: h}, nil
}

func (p *program) hostConfig(state local.State, lock *local.Lock) (host.Config, error) {
	log, err := p.logger(os.Stderr)
	if err != nil {
		return host.Config{}, err
	}
	minFree, err := leastFree(p.minFree)
	if err != nil {
		return host.Config{}, err
	}
	limits, err := ceilings(p.limits)
	if err != nil {
		return host.Config{}, err
	}
	dirs := p.pluginDirs
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		bin := filepath.Dir(exe)
		dirs = append(dirs, filepath.Join(bin, "plugins"), filepath.Join(bin, "..", "lib", "spinbot", "plugins")) // as archives have them, and as packages
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".spinbot", "plugins"))
	}
	parallel := p.parallel
	if parallel <= 0 {
		parallel = runtime.NumCPU()
	}
	files, commands, err := p.secretSources()
	if err != nil {
		return host.Config{}, err
	}
	return host.Config{
		SecretFiles: files, SecretCommands: commands,
		State: state, Lock: lock, Version: version, BundledTrust: bundledTrust,
		PluginDirs: append(dirs, state.Plugins()), ControlDirs: append(dirs[:len(dirs):len(dirs)], state.Control()),
		PipelineDirs: append(p.pipelineDirs[:len(p.pipelineDirs):len(p.pipelineDirs)], state.Pipelines()),
		Starters:     startersCalled,
		Train:        shippedTrain(),
		Parallel:     parallel, MaxRuns: p.maxRuns, MinFree: minFree, Limits: limits, Log: log,
		File: p.file, Devices: p.file.Devices, Probe: probeHere(),
	}, nil
}

// leastFree reads --min-free.
func leastFree(text string) (int64, error) {
	switch text {
	case "":
		return 0, nil
	case "off":
		return retention.NoFloor, nil
	}
	n, err := sdk.ParseBytes(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is no size above zero; write one such as 5GiB, or off", text)
	}
	return n, nil
}

// leave lets go of the host. When this process is the host, it first finishes every run it took in, for others too,
// unless ctx ends.
func (s *session) leave(ctx context.Context) error {
	s.Close()
	if s.host == nil {
		return nil
	}
	drained := s.host.Drain(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if err := s.host.Close(ctx); err != nil {
		return err
	}
	return drained
}

// with runs fn with a session and leaves it.
func (p *program) with(ctx context.Context, fn func(s *session) error) error {
	s, err := p.connect(ctx)
	if err != nil {
		return err
	}
	err = fn(s)
	if e := s.leave(ctx); err == nil {
		err = e
	}
	return err
}

func (p *program) logger(w io.Writer) (*slog.Logger, error) {
	level, err := logLevel(p.logLevel)
	if err != nil {
		return nil, err
	}
	p.level.Set(level)
	handler, err := logHandler(w, p.logFormat, &p.level)
	return slog.New(handler), err
}

func logLevel(text string) (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return 0, fmt.Errorf("%q is no level; write debug, info, warn or error", text)
	}
	return level, nil
}

func logHandler(w io.Writer, format string, level slog.Leveler) (slog.Handler, error) {
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(format) {
	case "text":
		options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
			}
			return a
		}
		return slog.NewTextHandler(w, options), nil
	case "json":
		return slog.NewJSONHandler(w, options), nil
	}
	return nil, fmt.Errorf("%q is no format; write text or json", format)
}

// terminal says whether f is one.
func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" }

// styleOf says what may be shown on f: colour only on a terminal, and not against NO_COLOR.
func styleOf(f *os.File) progress.Style {
	locale := os.Getenv("LC_ALL") + os.Getenv("LC_CTYPE") + os.Getenv("LANG")
	upper := strings.ToUpper(locale)
	return progress.Style{
		Colour:  terminal(f) && os.Getenv("NO_COLOR") == "",
		Unicode: locale == "" || strings.Contains(upper, "UTF-8") || strings.Contains(upper, "UTF8"),
	}
}

func sizeOf(f *os.File) func() (int, int) {
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
}

func warn(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
