package group

import (
	"os/exec"
	"runtime"
)

// Starter starts processes from one thread that lives as long as it does: the kernel sends a child its parent-death
// signal when the thread that started it ends, and Go ends threads as it likes.
type Starter struct {
	requests chan startRequest
	done     chan struct{}
}

type startRequest struct {
	cmd   *exec.Cmd
	reply chan error
}

// NewStarter makes a starter; Close ends it.
func NewStarter() *Starter {
	s := &Starter{requests: make(chan startRequest), done: make(chan struct{})}
	go s.loop()
	return s
}

func (s *Starter) loop() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	defer close(s.done)
	for r := range s.requests {
		r.reply <- r.cmd.Start()
	}
}

func (s *Starter) start(cmd *exec.Cmd) error {
	r := startRequest{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.reply
}

// Close ends the thread; nothing may be started any more.
func (s *Starter) Close() {
	close(s.requests)
	<-s.done
}
