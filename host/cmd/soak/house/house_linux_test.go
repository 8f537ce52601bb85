package house

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestProcesses: a house's processes are those that have to do with its folder, and not with one whose name only begins so.
func TestProcesses(t *testing.T) {
	t.Parallel()
	h := &House{Dir: filepath.Join(t.TempDir(), "soak-1")}
	var pids []int
	for _, folder := range []string{h.Dir, h.Dir + "2"} {
		c := exec.CommandContext(t.Context(), "sleep", "600")
		c.Env = []string{"TMPDIR=" + folder + "/tmp"}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Wait() }) // the test's context has ended it
		pids = append(pids, c.Process.Pid)
	}
	found := h.Processes()
	if _, ok := found[pids[0]]; !ok || len(found) != 1 {
		t.Errorf("of %d, in its folder, and %d, beside it, it has %v", pids[0], pids[1], found)
	}
}
