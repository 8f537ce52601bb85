//go:build linux

package symptom

import (
	"testing"
	"testing/fstest"
)

func TestKernelKills(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
		ok    bool
	}{
		"version 2": {fstest.MapFS{
			"proc/self/cgroup": file("0::/user.slice/x\n"), "sys/fs/cgroup/user.slice/x/memory.events": file("low 0\noom 5\noom_kill 4\noom_group_kill 0\n"),
			"proc/vmstat": file("oom_kill 9\n")}, 4, true},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup": file("5:devices:/\n4:memory:/a\n0::/\n"), "sys/fs/cgroup/memory/a/memory.oom_control": file("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
		}, 3, true},
		"another root":   {fstest.MapFS{"proc/self/cgroup": file("0::/../x\n"), "proc/vmstat": file("nr_free_pages 7\noom_kill 9\n")}, 9, true},
		"no control":     {fstest.MapFS{"proc/vmstat": file("oom_kill 2\n")}, 2, true},
		"an old kernel":  {fstest.MapFS{"proc/vmstat": file("nr_free_pages 7\n")}, 0, false},
		"nothing at all": {fstest.MapFS{}, 0, false},
	} {
		if n, ok := KernelKills(c.files); n != c.want || ok != c.ok {
			t.Errorf("%s: got %d, %v", name, n, ok)
		}
	}
}
