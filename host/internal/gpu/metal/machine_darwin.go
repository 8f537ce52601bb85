package metal

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func machine() (memory int64, name, system string, err error) {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0, "", "", fmt.Errorf("sysctl hw.memsize: %w", err)
	}
	name, err = unix.Sysctl("machdep.cpu.brand_string")
	if err != nil || name == "" {
		name = "Apple GPU"
	}
	if version, err := unix.Sysctl("kern.osproductversion"); err == nil {
		system = "macOS " + version
	}
	return int64(n), name, system, nil
}
