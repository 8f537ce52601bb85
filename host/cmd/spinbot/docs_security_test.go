package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocument: each test that SECURITY.md names is there.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test\\w+|\\w+\\.txtar)`").FindAllStringSubmatch(string(raw), -1)
	if len(names) < 10 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, m := range names {
		name := m[1]
		if strings.HasSuffix(name, ".txtar") {
			if _, err := os.Stat("testdata/script/" + name); err != nil {
				t.Error(err)
			}
			continue
		}
		if out, err := exec.CommandContext(t.Context(), "grep", "-rlw", "--include=*_test.go", "func "+name, "../..").Output(); err != nil || len(out) == 0 {
			t.Errorf("there is no %s: %v", name, err)
		}
	}
}
