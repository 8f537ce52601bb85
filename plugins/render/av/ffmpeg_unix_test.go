//go:build unix

package av

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// fake puts a shell script in ffmpeg's place.
func fake(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return dir
}

func TestFFmpegMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := FFmpeg{}.Run(t.Context())
	e := sdk.AsError(err)
	if e == nil || !e.Permanent || !strings.Contains(e.Error(), "ffmpeg is not installed") || !strings.Contains(e.Error(), "apt-get install ffmpeg") {
		t.Errorf("got %v", err)
	}
}

func TestFFmpegFails(t *testing.T) {
	fake(t, `echo "[mp4] something odd" >&2; echo "Conversion failed!" >&2; exit 1`)
	_, err := FFmpeg{}.Run(t.Context())
	if e := sdk.AsError(err); e == nil || e.Message != "ffmpeg failed: [mp4] something odd" || !strings.Contains(e.Detail, "Conversion failed!") {
		t.Errorf("got %+v", err)
	}
}

// TestKillsTheGroup cancels a program that started another one: both must be gone.
func TestKillsTheGroup(t *testing.T) {
	dir := fake(t, `sleep 300 & echo $! > "$(dirname "$0")/pid"; echo out_time_us=1000000; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := (FFmpeg{Seconds: 2, Report: func(float64) { cancel() }}).Run(ctx); err == nil {
		t.Fatal("no error")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); ; {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}
