package serve

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/myspinbot/spinbot/sdk/wire"
)

// endStrays kills the processes that have the mark, which children inherit, but for this one: what left the process group
// as well. It looks twice, since one may be forked while the list is read.
func endStrays(mark string) {
	if mark == "" {
		return
	}
	for range 2 {
		found, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return
		}
		for _, path := range found {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil && pid != os.Getpid() && marked(path, mark) {
				endStray(pid, path, mark)
			}
		}
	}
}

func marked(path, mark string) bool {
	env, err := os.ReadFile(path)
	return err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(kv []byte) bool { return string(kv) == wire.EnvMark+"="+mark })
}

// endStray looks again once it holds the process: its number may have a new owner.
func endStray(pid int, path, mark string) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	if marked(path, mark) {
		_ = p.Kill() // gone is as good
	}
	_ = p.Release()
}
