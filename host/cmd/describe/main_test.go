package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/host/control/dist"
)

// TestWrite: what is linked into the host is what the module says, and a module that was described is not asked again.
func TestWrite(t *testing.T) {
	t.Parallel()
	digest, ok := dist.Sum()
	if !ok {
		if os.Getenv("CI") != "" {
			t.Fatal("the control nodes are not built into this test: make control")
		}
		t.Skip("the control nodes are not built into this test: make control")
	}
	file := filepath.Join(t.TempDir(), "control.wasm")
	if err := os.WriteFile(file, dist.Module(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	description := filepath.Join(filepath.Dir(file), "control.json")
	got, err := os.ReadFile(description)
	if want := dist.Description(digest); err != nil || string(got) != string(want) {
		t.Errorf("%s, %v\nlinked in: %s", got, err, want)
	}
	before, err := os.Stat(description)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(description); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was written again: %v", err)
	}
	if dist.Description("of another") != nil {
		t.Error("the description of another module")
	}
}

// TestNoModule: what cannot be described leaves nothing behind.
func TestNoModule(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.wasm")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), file); err == nil {
		t.Error("text was described")
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(file), "x.json")); err == nil {
		t.Error("a description of text")
	}
}
