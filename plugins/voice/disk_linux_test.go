package main

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
)

// TestDiskFull speaks into a file system that is too small; the engines themselves do not notice.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"espeak-ng", "flite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			voicetest.Need(t, engine)
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
				t.Skip("SKIPPED: needs root, to mount a small tmpfs:", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, 0); err != nil {
					t.Error(err)
				}
			})
			_, err := say(t, t.Context(), &speaker{}, &sdk.Task{Inputs: sdk.Values{"text": sentence + " " + sentence, "engine": engine}, Scratch: dir})
			voicetest.Explained(t, err, false, "the disk is full: no room to write in "+dir, "free some space")
		})
	}
}

// TestScratchMissing finds out before an engine works.
func TestScratchMissing(t *testing.T) {
	t.Parallel()
	s := service(t, func(http.ResponseWriter, *http.Request) { t.Error("an engine was asked") })
	dir := filepath.Join(t.TempDir(), "gone")
	_, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}, Scratch: dir})
	voicetest.Explained(t, err, false, "cannot write into the scratch folder", dir)
}
