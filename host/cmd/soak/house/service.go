package house

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Service is one program that is started again whenever it ends, until it is told to end: as a supervisor does.
type Service struct {
	name, program string
	args, env     []string
	log           string // the file of what it says
	say           func(format string, args ...any)
	kept          sync.WaitGroup

	mu     sync.Mutex
	cmd    *exec.Cmd
	frozen bool
	over   bool
	starts int
	code   int // how the last process ended
}

func (s *Service) begin() {
	s.kept.Go(func() {
		for {
			done := s.start()
			if done == nil {
				return
			}
			<-done
			time.Sleep(100 * time.Millisecond) // as a supervisor does
		}
	})
}

// start starts a process, unless it is to end, and gives what is closed when that has ended.
func (s *Service) start() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	out, err := os.OpenFile(s.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.say("%s: %v", s.name, err)
		return nil
	}
	defer out.Close()
	c := exec.Command(s.program, s.args...)
	c.Env, c.Stdout, c.Stderr, c.SysProcAttr = s.env, out, out, attributes()
	done := make(chan struct{})
	if err := c.Start(); err != nil {
		s.say("%s: %v", s.name, err)
		close(done)
		return done
	}
	s.cmd, s.frozen = c, false
	s.starts++
	go func() {
		err := c.Wait()
		s.mu.Lock()
		s.code = c.ProcessState.ExitCode()
		if !s.over {
			if f, e := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0o600); e == nil {
				fmt.Fprintf(f, "-- %s it ended: %v\n", time.Now().Format("15:04:05.000"), err)
				_ = f.Close() // only for people
			}
		}
		s.mu.Unlock()
		close(done)
	}()
	return done
}

// PID is that of its process now.
func (s *Service) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return -1
	}
	return s.cmd.Process.Pid
}

// Begun counts its processes so far.
func (s *Service) Begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// Signal sends a signal to its process.
func (s *Service) Signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig) // it may be just ending
		s.frozen = sig == syscall.SIGSTOP || s.frozen && sig != syscall.SIGCONT
	}
}

// Thaw has one go on that SIGSTOP halted.
func (s *Service) Thaw() { s.Signal(syscall.SIGCONT) }

// end ends it, and says when that did not go well.
func (s *Service) end() error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.Signal(syscall.SIGTERM)
	hard := time.AfterFunc(time.Minute, func() { s.Signal(syscall.SIGKILL) })
	s.kept.Wait()
	if !hard.Stop() {
		return fmt.Errorf("%s did not end within a minute of SIGTERM", s.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code != 0 {
		return fmt.Errorf("%s ended with %d; it said why in %s", s.name, s.code, s.log)
	}
	return nil
}
