//go:build unix

package artifacts

import "golang.org/x/sys/unix"

// Free says how many bytes an ordinary user may still write in the folder.
func Free(folder string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // their types differ between systems
}
