//go:build unix

package dir

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock fails when another process has locked the file.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
