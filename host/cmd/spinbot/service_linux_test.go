package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// service is the real binary, started again whenever it ends, until it is told to end.
type service struct {
	name  string
	trial *trial
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
	s.args = append(args, "--state-dir", s.state)
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
	s.cmd = exec.Command(filepath.Join(built, "bin", "spinbot"), s.args...)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.state, "TMPDIR=" + os.TempDir()}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = 10 * time.Second // a process of its own that is left does not hold it
	if err := s.cmd.Start(); err != nil {
		s.trial.Error(err)
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

// terminate asks it to end, waits, and gives its code.
func (s *service) terminate() int {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.signal(syscall.SIGTERM)
	s.kept.Wait()
	return s.code
}

// finish ends it whatever it does.
func (s *service) finish() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.signal(syscall.SIGKILL)
	s.kept.Wait()
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
