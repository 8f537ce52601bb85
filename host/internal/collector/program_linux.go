package collector

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// forgetProgram gives back the pages of the program's own file that beginning and working have touched: code and tables of which a
// host that waits needs few. They stay in the kernel's cache, from where the next use has them again. Only what nobody can have written to
// is given back: read-only, and without a page of this process alone.
func forgetProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	var from, to uintptr
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"): // ADDRESSES RIGHTS OFFSET DEVICE INODE PATH
			from, to = 0, 0
			if strings.HasPrefix(fields[1], "r-") && strings.Join(fields[5:], " ") == program {
				_, _ = fmt.Sscanf(fields[0], "%x-%x", &from, &to)
			}
		case len(fields) > 1 && fields[0] == "Anonymous:" && fields[1] == "0" && to > from:
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}
