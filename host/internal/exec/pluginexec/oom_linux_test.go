package pluginexec

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestKernelKillsForReal: a host with 300 MiB has a plugin that takes all it can get, and says what became of it.
func TestKernelKillsForReal(t *testing.T) {
	t.Parallel()
	group := smallGroup(t)
	b, host := as(t, "holder"), as(t, "oom-host")
	cmd := exec.Command("sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$1"`, group, host.Path)
	cmd.Env = append(os.Environ(), "TEST_PLUGIN="+b.Path, "TEST_SUM="+b.SHA256)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the host: %v", err)
	}
	var got sdk.Error
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if got.Cause != sdk.CauseFailed || !strings.Contains(got.Message, "was killed by the kernel") || !strings.Contains(got.Hint, "not a device's") {
		t.Errorf("got %+v", got)
	}
}

// smallGroup makes a memory cgroup of either version, or skips the test.
func smallGroup(t *testing.T) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	why := "no memory cgroup"
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		base, limit := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		switch {
		case len(parts) < 3:
			continue
		case parts[1] == "":
			base, limit = "/sys/fs/cgroup", "memory.max"
		case parts[1] != "memory":
			continue
		}
		dir, err := os.MkdirTemp(filepath.Join(base, parts[2]), "spinbot-test-")
		if err != nil {
			why = err.Error()
			continue
		}
		t.Cleanup(func() { // it is busy until the last process has been reaped
			until(t, "cgroup "+dir+" removed", func() bool { return os.Remove(dir) == nil })
		})
		if _, err := os.Stat(filepath.Join(dir, limit)); err != nil { // the controller is not there
			why = err.Error()
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, limit), []byte("314572800"), 0o600); err != nil {
			why = err.Error()
			continue
		}
		return dir
	}
	t.Skipf("this needs the right to make memory cgroups (root): %s", why)
	return ""
}
