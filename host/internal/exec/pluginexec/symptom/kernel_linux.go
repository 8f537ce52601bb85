package symptom

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// KernelKills counts how often the kernel's out-of-memory killer has struck: in the host's own memory cgroup, of either
// version, or else on the whole machine. root is the file system.
func KernelKills(root fs.FS) (int64, bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, at, ok := strings.Cut(rest, ":")
		if err != nil || !ok {
			continue
		}
		file := ""
		switch controllers {
		case "":
			file = path.Join("sys/fs/cgroup", at, "memory.events")
		case "memory":
			file = path.Join("sys/fs/cgroup/memory", at, "memory.oom_control")
		}
		if n, ok := counter(root, file); ok {
			return n, true
		}
	}
	return counter(root, "proc/vmstat")
}

// counter reads the line "oom_kill 3".
func counter(root fs.FS, file string) (int64, bool) {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if name, n, _ := strings.Cut(strings.TrimSpace(line), " "); name == "oom_kill" {
			v, err := strconv.ParseInt(n, 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
