//go:build unix

package serve

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/myspinbot/spinbot/sdk/wire"
)

func onTerminate(end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP) // the latter wakes a stopped process whose host is gone
	go func() {
		<-c
		end()
	}()
}

// endGroup kills what this process started and the process group, this process included; it never returns.
func endGroup() {
	endStrays(os.Getenv(wire.EnvMark))
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(1)
}
