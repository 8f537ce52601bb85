package house

import (
	"fmt"
	"syscall"
)

// roomy is the size of the host's file system while it is not full.
const roomy = 2 << 30

// attributes have a process end with this one, and not get the signals of its terminal.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// mount makes a file system of a size out of a folder. It needs root.
func mount(dir string, size int64) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	return nil
}

// resize gives a file system another size; below what is in it: that.
func resize(dir string, size int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	used := int64(st.Blocks-st.Bfree) * st.Bsize
	return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", max(size, used+st.Bsize)))
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
