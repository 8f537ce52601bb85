package managed

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the program into its own process group, so that what it leaves behind when it dies can be ended. The host ends it with
// the plugin all the same, by the mark in its environment.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup kills the program and all that it started.
func endGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
