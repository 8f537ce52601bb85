//go:build unix

package dir

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock fails when another process has locked the file.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// free says how much a user may still write there.
func free(folder string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return "an unknown amount"
	}
	return bytes(uint64(st.Bavail) * uint64(st.Bsize)) //nolint:unconvert // their types differ between systems
}
