//go:build unix

package av

import (
	"os/exec"
	"syscall"
)

// OwnGroup puts the program into its own process group, and has the whole group killed when its context ends.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
