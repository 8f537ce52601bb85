package doctor

import "golang.org/x/sys/unix"

// remote names the kind of a file system that a database should not be on; empty: none of those.
func remote(dir string) string {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return ""
	}
	switch uint32(st.Type) { //nolint:gosec // magic numbers have 32 bits
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC:
		return "a network file system, whose locks and durable writes cannot be relied on"
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return "a file system in memory: runs are gone when the machine restarts"
	}
	return ""
}

// synchronised says whether a time server keeps the clock right; known is false where the system does not tell.
func synchronised() (yes, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, err == nil
}
