package spool

import (
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, path, boot string) (*Spool, bool) {
	t.Helper()
	s, rebooted, err := Open(path, boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, rebooted
}

// An agent that is killed before it has looked at what its machine's earlier boot left does so when it begins again.
func TestNotesMayBeMissingUntilLookedAt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	if _, rebooted := open(t, path, "b1"); rebooted {
		t.Error("there was nothing before")
	}
	for range 2 {
		if _, rebooted := open(t, path, "b2"); !rebooted {
			t.Error("the machine was started since, and nobody has looked yet")
		}
	}
	s, _ := open(t, path, "b2")
	if err := s.Add(false, Note{Boot: "b2"}); err != nil {
		t.Fatal(err)
	}
	if err := s.compact(); err != nil {
		t.Fatal(err)
	}
	if _, rebooted := open(t, path, "b2"); rebooted {
		t.Error("it was looked at")
	}
}

// What stands behind a torn line is not read, so after one nothing is noted, and so nothing done.
func TestNothingIsNotedAfterAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	s, _ := open(t, path, "b")
	whole := s.f
	torn, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer torn.Close()
	s.f = torn // the disk is full
	if err := s.Add(false, Note{Begun: "run/1"}); err == nil {
		t.Fatal("it was written")
	}
	s.f = whole // there is room again
	if err := s.Add(false, Note{Begun: "run/2"}); err == nil {
		t.Error("it was noted behind a torn line")
	}
}
