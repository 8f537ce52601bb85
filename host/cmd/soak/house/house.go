// Package house is a fleet of real processes: a Redis, a host, agents, their plugins, each started again when it ends, until it is
// told to. It does not look into them.
package house

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/freeport"
	"github.com/myspinbot/spinbot/sdk/client"
)

// House is a fleet of real processes: a Redis, a host that works too, and agents. All that they keep is below one folder.
type House struct {
	Dir     string
	spinbot string // the program
	hook    string // the pipeline with a webhook
	say     func(format string, args ...any)
	nodes   string // the folder that the plugin of the tests is in
	URL     string // of the host
	Socket  string // the host's private one
	Redis   *Service
	Host    *Service
	Agents  []*Service // the first is never ended, the others are
	Client  *client.Client
	Token   string // one that is good all the time, so that nobody comes in without one
	Streams *redis.Client
	small   bool // the folder of the host is a file system whose size can be changed
}

// Secret signs what comes to the webhook.
const Secret = "hunter2"

// Open starts a house in a folder, with the built program and the plugin of the tests. One that did not start has to be closed, too.
func Open(ctx context.Context, dir, spinbot, nodes string, agents int, hook string, say func(format string, args ...any)) (*House, error) {
	h := &House{Dir: dir, spinbot: spinbot, nodes: nodes, hook: hook, say: say}
	for _, d := range []string{"redis", "tmp", "pipelines", "host", "modules"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return h, err
		}
	}
	if err := mount(h.HostDir(), roomy); err == nil {
		h.small = true
	} else {
		h.say("no disk gets full: %v", err)
	}
	if err := h.beginRedis(ctx); err != nil {
		return h, err
	}
	if err := h.beginHost(ctx); err != nil {
		return h, err
	}
	for k := range agents {
		if err := h.beginAgent(ctx, fmt.Sprint("box", k+1)); err != nil {
			return h, err
		}
	}
	if err := h.Ready(ctx); err != nil {
		return h, err
	}
	t, err := h.Client.NewToken(ctx, client.NewToken{Name: Resident, Role: "operator"})
	h.Token = t.Text
	return h, err
}

func (h *House) beginRedis(ctx context.Context) error {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is missing; install it: apt-get install redis-server")
	}
	h.Redis = h.begin("redis", server, "--port", "0", "--unixsocket", h.redisSocket(), "--dir", filepath.Join(h.Dir, "redis"), "--save", "", "--appendonly", "yes",
		"--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--logfile", "")
	h.Streams = redis.NewClient(&redis.Options{Network: "unix", Addr: h.redisSocket(), Protocol: 2, DisableIdentity: true})
	return h.Until(ctx, "Redis answers", func() error { return h.Streams.Ping(ctx).Err() })
}

func (h *House) beginHost(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(h.Dir, "pipelines", "hook.hcl"), []byte(h.hook), 0o600); err != nil {
		return err
	}
	common, err := h.furnish(ctx, "host")
	if err != nil {
		return err
	}
	port, err := freeport.Any()
	if err != nil {
		return err
	}
	if h.Socket, err = (local.State{Dir: h.HostDir()}).Socket(); err != nil {
		return err
	}
	h.URL, h.Client = "http://127.0.0.1:"+port, client.Unix(h.Socket)
	h.Host = h.begin("host", h.spinbot, slices.Concat([]string{"serve", "--listen", "127.0.0.1:" + port, "--artifacts-listen", "127.0.0.1:0",
		"--pipelines", filepath.Join(h.Dir, "pipelines"), "--parallel", "8", "--min-free", "64MiB", "--drain", "5s"}, common)...)
	return nil
}

func (h *House) beginAgent(ctx context.Context, name string) error {
	common, err := h.furnish(ctx, name)
	if err == nil {
		h.Agents = append(h.Agents, h.begin(name, h.spinbot, slices.Concat([]string{"agent", "--name", name, "--cache", "8MiB", "--parallel", "8", "--drain", "5s"}, common)...))
	}
	return err
}

// furnish makes the folder of a host or an agent, with a device, where the plugin of the tests is trusted. It gives the flags that say so.
func (h *House) furnish(ctx context.Context, name string) ([]string, error) {
	state, file := filepath.Join(h.Dir, name), filepath.Join(h.Dir, name+".hcl")
	err := errors.Join(os.WriteFile(file, fmt.Appendf(nil, "device \"fake\" %q {\n  memory = \"24GiB\"\n}\n", name), 0o600),
		os.MkdirAll(filepath.Join(state, "cache"), 0o700),
		os.Symlink(filepath.Join(h.Dir, "modules"), filepath.Join(state, "cache", "wasm"))) // compiling those that ship takes seconds
	if err != nil {
		return nil, err
	}
	trust := exec.CommandContext(ctx, h.spinbot, "plugins", "trust", "test", "--plugin-dir", h.nodes, "--state-dir", state)
	trust.Env = h.environ("trust")
	if out, err := trust.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("trust the plugin of the tests: %w\n%s", err, out)
	}
	return []string{"--redis", "unix://" + h.redisSocket(), "--config", file, "--plugin-dir", h.nodes, "--state-dir", state}, nil
}

// Resident is the name of the token that is good all the time.
const Resident = "Resident"

// HostDir is the host's folder.
func (h *House) HostDir() string     { return filepath.Join(h.Dir, "host") }
func (h *House) redisSocket() string { return filepath.Join(h.Dir, "redis.sock") }

func (h *House) environ(name string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(h.Dir, "home", name), "TMPDIR=" + filepath.Join(h.Dir, "tmp"), "SPINBOT_SECRET_HOOK=" + Secret,
		"GODEBUG=" + os.Getenv("GODEBUG")} // memprofilerate
}

func (h *House) begin(name, program string, args ...string) *Service {
	s := &Service{name: name, program: program, args: args, env: h.environ(name), say: h.say, log: filepath.Join(h.Dir, name+".log")}
	s.begin()
	return s
}

// Services gives all that run, those first that others work with.
func (h *House) Services() []*Service {
	return slices.DeleteFunc(append([]*Service{h.Redis, h.Host}, h.Agents...), func(s *Service) bool { return s == nil })
}

// patience is how long anything may take that has to come. The machine may be very busy.
const patience = 4 * time.Minute

// Within bounds how long something that is waited for may take.
func Within(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("not within %s", d))
	context.AfterFunc(ctx, cancel)
	return ctx
}

// Until tries until something holds.
func (h *House) Until(ctx context.Context, what string, holds func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it never came to be that %s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}

// Fill has the host's disk be full, Empty has it not be. Where that cannot be done nothing is.
func (h *House) Fill() error { return h.resize(0) }

// Empty ends what Fill began.
func (h *House) Empty() error { return h.resize(roomy) }

func (h *House) resize(size int64) error {
	if !h.small {
		return nil
	}
	return resize(h.HostDir(), size)
}

// Ready waits until the host answers and has all its agents.
func (h *House) Ready(ctx context.Context) error {
	for _, s := range h.Services() {
		s.Thaw()
	}
	return h.Until(ctx, "the fleet is complete", func() error {
		l, err := h.Client.Agents(ctx)
		if err != nil {
			return err
		}
		ready := 0
		for _, a := range l.Agents {
			if a.State == client.AgentReady {
				ready++
			}
		}
		if ready < len(h.Agents) {
			return fmt.Errorf("%d of %d agents are ready", ready, len(h.Agents))
		}
		return nil
	})
}

// Close ends all of it, as a person would, and says what is left or ended badly.
func (h *House) Close() error {
	var errs []error
	for _, s := range slices.Backward(h.Services()) {
		s.Thaw()
		errs = append(errs, s.end())
	}
	if h.Client != nil {
		h.Client.Close()
	}
	if h.Streams != nil {
		_ = h.Streams.Close() // its server has ended
	}
	for end := time.Now().Add(10 * time.Second); len(h.Processes()) > 0 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // the kernel tells only parents
	}
	if left := h.Processes(); len(left) > 0 {
		errs = append(errs, fmt.Errorf("all was ended, and processes are left: %v", left))
	}
	if h.small {
		errs = append(errs, unmount(h.HostDir()))
	}
	return errors.Join(errs...)
}

// Processes gives those that have to do with the house's folder, beside its services: plugins and what they have started.
func (h *House) Processes() map[int]string {
	own := map[int]bool{os.Getpid(): true}
	for _, s := range h.Services() {
		own[s.PID()] = true
	}
	out := map[int]string{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	inside := h.Dir + "/" // another soak's folder may begin with the same name
	for _, folder := range all {
		var pid int
		if _, err := fmt.Sscan(filepath.Base(folder), &pid); err != nil || own[pid] {
			continue
		}
		env, _ := os.ReadFile(folder + "/environ")
		line, _ := os.ReadFile(folder + "/cmdline")
		if strings.Contains(string(env), inside) || strings.Contains(string(line), inside) {
			out[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return out
}

// Plugins gives the pids of plugins' processes.
func (h *House) Plugins() (pids []int) {
	for pid := range h.Processes() {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && strings.Contains(cmp.Or(exe, "?"), "plugins") {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// PluginsOf gives those that a process has started.
func (h *House) PluginsOf(parent int) []int {
	return slices.DeleteFunc(h.Plugins(), func(pid int) bool {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // none: it has ended
		return !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", parent))
	})
}
