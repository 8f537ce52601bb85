package uploads

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush has the kernel begin to write what is in a stretch of a file, and does not wait for it.
func flush(f *os.File, from, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE)
}
