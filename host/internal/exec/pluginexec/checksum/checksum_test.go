package checksum

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAlteredBetweenStarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var s Sums
	digest, err := s.Digest(path, info)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify("test", path, "sha256:"+digest); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify("test", path, "sha256:"+digest); err == nil {
		t.Error("an altered program of the same size and time was taken")
	}
}
