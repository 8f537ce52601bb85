package machine

import (
	"os"
	"strings"
)

// Boot names the time since this machine was started; empty: nobody knows.
func Boot() string {
	raw, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(raw))
}
