//go:build unix && !linux

package group

import "syscall"

func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the leader's end and kills the rest of its group.
func (r *Program) reap() {
	_ = r.cmd.Wait() // the state says how it ended
	pid := r.cmd.Process.Pid
	r.mu.Lock()
	r.dead, r.reaped, r.state = true, true, r.cmd.ProcessState
	killGroup(pid)
	r.mu.Unlock()
	repeatedly(func() bool { return syscall.Kill(-pid, 0) != nil })
}

// Processes gives the leaders alone: what they started is not told here.
func Processes(leaders []int) map[int][]int {
	out := map[int][]int{}
	for _, l := range leaders {
		if l > 0 {
			out[l] = []int{l}
		}
	}
	return out
}
