//go:build unix

package probe

import (
	"os"
	"syscall"
)

// group makes the child lead a process group of its own, with what it starts in it.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup is called before the child is waited for, so that its number is nobody else's.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // none left is what is wanted
