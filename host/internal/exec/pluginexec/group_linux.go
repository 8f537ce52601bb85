package pluginexec

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// groupAttr makes the program lead its own group. SIGTERM comes to it when the thread that started it ends, which
// the starter keeps alive as long as the executor.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// reap waits for the leader's end, kills the rest of its group, then reaps it.
func (r *groupRunner) reap() {
	pid := r.cmd.Process.Pid
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	killGroup(pid)
	_ = r.cmd.Wait() // the state says how it ended
	r.reaped, r.state = true, r.cmd.ProcessState
}
