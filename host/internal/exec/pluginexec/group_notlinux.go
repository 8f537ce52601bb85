//go:build unix && !linux

package pluginexec

import "syscall"

func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the leader's end and kills the rest of its group.
func (r *groupRunner) reap() {
	_ = r.cmd.Wait() // the state says how it ended
	r.mu.Lock()
	defer r.mu.Unlock()
	killGroup(r.cmd.Process.Pid)
	r.reaped, r.state = true, r.cmd.ProcessState
}
