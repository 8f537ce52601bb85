package retention

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

const gib = 1 << 30

func TestRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		floor       int64
		free, total uint64
		says        string
	}{
		{"a large disk", 0, 2 * gib, 1000 * gib, ""},
		{"a large disk at its floor", 0, gib, 1000 * gib, ""},
		{"a large disk below it", 0, gib - 1, 1000 * gib, "1024 MiB free, and new work begins from 1 GiB on"},
		{"a small disk", 0, gib / 4, 10 * gib, ""},
		{"a small disk below its floor", 0, gib / 8, 10 * gib, "128 MiB free, and new work begins from 204.8 MiB on"},
		{"full", 0, 0, 10 * gib, "0 B free"},
		{"nothing to tell", 0, 0, 0, ""},
		{"a floor of one's own", 5 * gib, 4 * gib, 10 * gib, "4 GiB free, and new work begins from 5 GiB on"},
		{"above it", 5 * gib, 5 * gib, 10 * gib, ""},
		{"no floor", NoFloor, 0, 10 * gib, ""},
	} {
		r := NewRoom(c.floor, "/state")
		r.space = func(string) (artifacts.Space, error) { return artifacts.Space{Free: c.free, Total: c.total}, nil }
		if got := r.Reason(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) || got != "" && !strings.Contains(got, "the disk of /state is nearly full") {
			t.Errorf("%s: %q, want %q", c.name, got, c.says)
		}
	}
}

// TestRoomOverTime: it looks once a second, at every folder, and does not flutter.
func TestRoomOverTime(t *testing.T) {
	t.Parallel()
	now, looks := time.Unix(1000, 0), 0
	free := map[string]uint64{"/a": 100, "/b": 100}
	r := NewRoom(50, "/a", "/b", "/gone")
	r.now = func() time.Time { return now }
	r.space = func(folder string) (artifacts.Space, error) {
		looks++
		f, there := free[folder]
		if !there {
			return artifacts.Space{}, errors.New("it is gone")
		}
		return artifacts.Space{Free: f, Total: 1000}, nil
	}
	for _, step := range []struct {
		free  uint64 // of /b
		later time.Duration
		waits bool
		looks int
	}{
		{100, 0, false, 3}, {10, 0, false, 3}, {10, 999 * time.Millisecond, false, 3}, {10, time.Millisecond, true, 5},
		{100, 0, true, 5}, {52, time.Second, true, 7}, {55, time.Second, false, 10}, {52, time.Second, false, 13},
		{49, time.Second, true, 15}, {100, -time.Hour, false, 18}, // a clock that was set back
	} {
		free["/b"], now = step.free, now.Add(step.later)
		if got := r.Reason(); (got != "") != step.waits || looks != step.looks {
			t.Errorf("%+v: %q after %d looks", step, got, looks)
		}
	}
}

// TestRoomOnDisk fills a small disk.
func TestRoomOnDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("needs a disk of 4 MiB: mount: %v: %s", err, out)
		}
		t.Skipf("needs a disk of 4 MiB: mount: %v: %s(run the tests as root)", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	now := time.Now()
	r := NewRoom(1<<20, disk)
	r.now = func() time.Time { now = now.Add(LookEvery); return now }
	if got := r.Reason(); got != "" {
		t.Errorf("empty: %s", got)
	}
	file := filepath.Join(disk, "ballast")
	check(t, os.WriteFile(file, make([]byte, 7<<19), 0o600))
	if got := r.Reason(); !strings.Contains(got, disk) || !strings.Contains(got, "512 KiB free, and new work begins from 1 MiB on") {
		t.Errorf("filled: %q", got)
	}
	check(t, os.Remove(file))
	if got := r.Reason(); got != "" {
		t.Errorf("emptied: %s", got)
	}
}

func TestRoomHammer(t *testing.T) {
	t.Parallel()
	r := NewRoom(0, t.TempDir())
	r.now = func() time.Time { return time.Time{} } // always looks: it never did
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				r.Reason()
			}
		})
	}
	wg.Wait()
}

func BenchmarkReason(b *testing.B) {
	r := NewRoom(0, b.TempDir())
	for b.Loop() {
		r.Reason()
	}
}
