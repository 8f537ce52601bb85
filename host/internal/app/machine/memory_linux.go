package machine

import "golang.org/x/sys/unix"

// memory is how much RAM this machine has, in bytes; -1: nobody knows.
func memory() int64 {
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return -1
	}
	return int64(s.Totalram) * int64(s.Unit)
}
