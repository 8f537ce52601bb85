//go:build unix

package serve

import (
	"os"
	"os/signal"
	"syscall"
)

func onTerminate(end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	go func() {
		<-c
		end()
	}()
}

// endGroup kills the process group, this process included; it never returns.
func endGroup() {
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(1)
}
