package pgtest

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// credential has the server run as the user postgres when the test is root, which PostgreSQL refuses to run as.
func credential() (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// launchOwned starts the process so that it dies with this one, however that ends. Linux ties that to the thread which
// started it, so the thread waits as long as the process lives.
func (s *Server) launchOwned() error {
	withParent(s.cmd.SysProcAttr)
	started := make(chan error)
	cmd, gone := s.cmd, s.gone
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
		close(gone)
	}()
	err := <-started
	if err != nil {
		s.cmd = nil
	}
	return err
}

// children gives the processes that the process has started; none where the system does not tell.
func children(pid int) (out []int) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	for _, one := range strings.Fields(string(raw)) {
		if pid, err := strconv.Atoi(one); err == nil {
			out = append(out, pid)
		}
	}
	return out
}
