package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentityStays(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fleet")
	first, err := Identity(dir, "agent")
	if err != nil || !strings.HasPrefix(first, "agent-") || len(first) != len("agent-")+10 {
		t.Fatalf("%q, %v", first, err)
	}
	again, err := Identity(dir, "agent")
	if err != nil || again != first {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
	other, err := Identity(t.TempDir(), "agent")
	if err != nil || other == first {
		t.Errorf("another folder: %q, %v", other, err)
	}
	key, err := SealKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	same, err := SealKey(dir)
	if err != nil || same.Public() != key.Public() {
		t.Errorf("%s, then %s, %v", key, same, err)
	}
	info, err := os.Stat(filepath.Join(dir, "seal.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestKeyThatIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seal.key"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SealKey(dir); err == nil || !strings.Contains(err.Error(), "seal.key") {
		t.Errorf("%v", err)
	}
}
