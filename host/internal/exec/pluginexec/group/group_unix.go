//go:build unix

package group

import (
	"errors"
	"syscall"
	"time"
)

// dieWithin is how long a killed process may take to be gone before it is given up on.
const dieWithin = 2 * time.Second

// killGroup kills every process of the group that pid leads.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // none left is what is wanted

func isTextBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// repeatedly calls done, more and more seldom, until it says so or the time is over.
func repeatedly(done func() bool) {
	end := time.Now().Add(dieWithin)
	for pause := time.Millisecond; !done() && time.Now().Before(end); pause = min(2*pause, 50*time.Millisecond) {
		time.Sleep(pause) // the kernel tells nobody of the end of a process that is not a child
	}
}
