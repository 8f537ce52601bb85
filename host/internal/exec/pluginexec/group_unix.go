//go:build unix

package pluginexec

import (
	"errors"
	"syscall"
)

// killGroup kills every process of the group that pid leads.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // none left is what is wanted

func isTextBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

func isNotExecutable(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
