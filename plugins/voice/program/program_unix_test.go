//go:build unix

package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	here := t.TempDir()
	for name, script := range map[string]string{"loud": `i=0; while [ $i -lt 400 ]; do printf 'é'; i=$((i+1)); done >&2; exit 1`, "mute": "exit 2"} {
		if err := os.WriteFile(filepath.Join(here, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", here)
	_, err := Run(t.Context(), nil, "loud")
	if want := "loud: exit status 1: …" + strings.Repeat("é", MaxSaid); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = Run(t.Context(), nil, "mute"); err == nil || err.Error() != "mute: exit status 2" {
		t.Errorf("got %v", err)
	}
	// A program that does not read its input does not fail for that.
	if _, err = Run(t.Context(), make([]byte, 1<<20), filepath.Join(here, "mute")); err == nil || !strings.Contains(err.Error(), "exit status 2") {
		t.Errorf("got %v", err)
	}
}
