package checksum

import (
	"fmt"
	"os"
	"syscall"
)

// stampOf changes whenever the file does.
func stampOf(i os.FileInfo) string {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)
}
