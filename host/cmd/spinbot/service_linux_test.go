package main

import (
	"bytes"
	"errors"
	"fmt"
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

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk/client"
)

const (
	goneSoon = 2 * time.Second  // after which no process is left of one that ended
	slack    = 10 * time.Second // what a busy machine may add
)

// realFleet is the real binary as a host, and as its agents, with a real Redis between them.
type realFleet struct {
	*testing.T
	dir    string
	redis  *redistest.Server
	host   *service
	agents []*service
	client *client.Client
}

// newFleet starts a host, which has no plugin itself. It is told more with args.
func newFleet(t *testing.T, args ...string) *realFleet {
	t.Helper()
	f := &realFleet{T: t, dir: t.TempDir(), redis: redistest.Start(t, redistest.Fsync("everysec"), redistest.With("port", "0"))}
	f.host = f.service("host")
	f.host.begin(append([]string{"serve", "--listen", "127.0.0.1:0", "--redis", f.redis.UnixURL(), "--artifacts-listen", "127.0.0.1:0", "--no-agent"}, args...)...)
	socket, err := local.State{Dir: f.host.state}.Socket()
	if err != nil {
		t.Fatal(err)
	}
	f.client = client.Unix(socket)
	t.Cleanup(f.client.Close)
	return f
}

// service makes what is the real binary with a state directory of its own.
func (f *realFleet) service(name string) *service {
	f.Helper()
	s := &service{name: name, t: f.T, state: filepath.Join(f.dir, name)}
	if err := knowing(s.state); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.finish)
	return s
}

// join starts an agent with the plugin "test", which carries out so many tasks at once.
func (f *realFleet) join(name, parallel string) *service {
	f.Helper()
	s := f.service(name)
	f.agents = append(f.agents, s)
	plugins := filepath.Join(f.dir, "plugins")
	folder := filepath.Dir(f.program())
	err := errors.Join(os.MkdirAll(folder, 0o700), copyFile(filepath.Join(built, "parts", "test"), f.program()),
		os.WriteFile(filepath.Join(folder, "plugin.hcl"), []byte("name = \"test\"\nversion = \"1.0.0\"\n"), 0o600))
	if err != nil {
		f.Fatal(err)
	}
	trust := exec.Command(filepath.Join(built, "bin", "spinbot"), "plugins", "trust", "test", "--plugin-dir", plugins, "--state-dir", s.state)
	if out, err := trust.CombinedOutput(); err != nil {
		f.Fatalf("%v\n%s", err, out)
	}
	s.begin("agent", "--redis", f.redis.UnixURL(), "--name", name, "--parallel", parallel, "--plugin-dir", plugins)
	return s
}

func (f *realFleet) program() string { return filepath.Join(f.dir, "plugins", "test", "test") }

// plugins gives the processes of the plugin.
func (f *realFleet) plugins() []int {
	return pidsOf(func(folder string) bool {
		exe, err := os.Readlink(folder + "/exe")
		return err == nil && exe == f.program()
	})
}

// gone waits until nothing is left.
func (f *realFleet) gone(why string, left func() []string) {
	f.Helper()
	began := time.Now()
	for len(left()) > 0 {
		if time.Since(began) > goneSoon+slack {
			f.Errorf("%s, and %s later there is still %v", why, goneSoon, left())
			return
		}
		time.Sleep(10 * time.Millisecond) // the kernel tells only parents
	}
}

// end ends services in order, and looks whether anything is left.
func (f *realFleet) end(all ...*service) {
	f.Helper()
	for _, s := range all {
		s.hold(syscall.SIGTERM)
		if code := s.wait(); code != 0 {
			f.Errorf("the %s was asked to end, and ended with %d", s.name, code)
		}
	}
	f.gone("all have ended", func() []string { return processes(f.dir) })
}

// said gives what everybody has said.
func (f *realFleet) said() string {
	text := f.host.said()
	for _, a := range f.agents {
		text += a.said()
	}
	return text
}

// service is the real binary, started again whenever it ends, until it is told to end.
type service struct {
	name  string
	t     *testing.T
	state string // its state directory
	args  []string
	kept  sync.WaitGroup

	mu   sync.Mutex
	cmd  *exec.Cmd
	over bool
	code int // how the last process ended
	text bytes.Buffer
}

// Write takes what its processes say.
func (s *service) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *service) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text.String()
	return fmt.Sprintf("the %s said:\n%s\n", s.name, text[max(0, len(text)-6000):])
}

// begin starts it, and watches over it.
func (s *service) begin(args ...string) {
	s.mu.Lock()
	s.args, s.over = args, false
	s.mu.Unlock()
	s.kept.Go(func() {
		for s.start() {
			err := s.cmd.Wait()
			s.mu.Lock()
			s.code = s.cmd.ProcessState.ExitCode()
			again := !s.over
			s.mu.Unlock()
			if again {
				fmt.Fprintf(s, "-- %s it ended: %v\n", time.Now().Format("05.000"), err)
				time.Sleep(100 * time.Millisecond) // as a supervisor does
			}
		}
	})
}

// start starts a process, unless it is to end.
func (s *service) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.cmd = exec.Command(filepath.Join(built, "bin", "spinbot"), append(slices.Clone(s.args), "--state-dir", s.state)...)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.state, "TMPDIR=" + os.TempDir()}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = 10 * time.Second // a process of its own that is left does not hold it
	if err := s.cmd.Start(); err != nil {
		s.t.Error(err)
		return false
	}
	return true
}

func (s *service) signal(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig) // it may be just ending
	}
}

// hold sends a signal that ends it, and has it stay so.
func (s *service) hold(sig os.Signal) {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.signal(sig)
}

// wait waits until what it was told to end has ended, and gives its code.
func (s *service) wait() int {
	s.kept.Wait()
	return s.code
}

// finish ends it whatever it does.
func (s *service) finish() {
	s.hold(syscall.SIGKILL)
	s.wait()
}

// pidsOf gives the processes of whose folder in /proc something holds.
func pidsOf(holds func(folder string) bool) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range all {
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil && pid != os.Getpid() && holds(folder) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// processes gives the command lines of those that have to do with a folder.
func processes(dir string) (out []string) {
	for _, pid := range pidsOf(func(folder string) bool {
		line, _ := os.ReadFile(folder + "/cmdline")
		env, _ := os.ReadFile(folder + "/environ")
		exe, _ := os.Readlink(folder + "/exe")
		return bytes.Contains(line, []byte(dir)) || bytes.Contains(env, []byte(dir)) || strings.HasPrefix(exe, dir)
	}) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		out = append(out, fmt.Sprintf("%d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
	}
	return out
}
