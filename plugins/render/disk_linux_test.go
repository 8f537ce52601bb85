package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestDiskFull renders into a file system that is too small.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("SKIPPED: needs root, to mount a small tmpfs:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	_, err := call(t, t.Context(), clipNode(), dir, sdk.Values{"height": number(240), "seconds": number(2), "picture": picture(t), "layout": "picture"})
	e := sdk.AsError(err)
	if e == nil || e.Permanent || !strings.Contains(e.Message, "disk is full") || !strings.Contains(e.Message, dir) || e.Hint == "" {
		t.Errorf("clip: got %v", err)
	}
	if err := os.RemoveAll(dir + "/clip.mp4"); err != nil {
		t.Fatal(err)
	}
	_, err = call(t, t.Context(), cardNode(), dir, sdk.Values{"height": number(240), "heading": "x", "layout": "end"})
	if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message, "disk is full") || !strings.Contains(e.Message, dir) {
		t.Errorf("card: got %v", err)
	}
}
