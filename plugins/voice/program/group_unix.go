//go:build unix

package program

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the program into its own process group, and has the whole group killed when its context ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
