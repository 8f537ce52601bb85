//go:build unix

package artifacts

import "golang.org/x/sys/unix"

// SpaceOf says how much of the folder's disk is left to an ordinary user.
func SpaceOf(folder string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return Space{}, err
	}
	block := uint64(st.Bsize)
	return Space{Free: uint64(st.Bavail) * block, Total: uint64(st.Blocks) * block}, nil //nolint:unconvert // their types differ between systems
}
