package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// TestVerify: what came is believed when it is what the host said, and can run here.
func TestVerify(t *testing.T) {
	t.Parallel()
	const script = "#!/bin/sh\n"
	// An ELF header for a machine of IBM's: no test runs on one.
	elsewhere := string(append([]byte{0x7f, 'E', 'L', 'F', 2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 22}, make([]byte, 44)...))
	for name, c := range map[string]struct {
		hcl, program string
		trusted      string // another program than what came; empty: the same
		want         string // empty: it is believed
	}{
		"as it was sent":    {`name = "hello"`, script, "", ""},
		"another name":      {`name = "other"`, script, "", "what came is called other"},
		"another program":   {`name = "hello"`, script, "#!/bin/false\n", "and the host trusts"},
		"another platform":  {`name = "hello"`, elsewhere, "", "its program was built for linux/s390x, and that machine is " + platform},
		"no program":        {`name = "hello"`, "", "", "is not in what came"},
		"no plugin.hcl":     {"", script, "", "is not in what came"},
		"a program outside": {"name = \"hello\"\nbinary = \"../../sh\"", script, "", "must lie in the plugin's folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if c.hcl != "" {
				put(t, filepath.Join(folder, "plugin.hcl"), c.hcl+"\nversion = \"1.0.0\"\n")
			}
			if c.program != "" {
				put(t, filepath.Join(folder, "hello"), c.program)
				put(t, filepath.Join(folder, "other"), c.program)
			}
			trusted := c.program
			if c.trusted != "" {
				trusted = c.trusted
			}
			sum := sha256.Sum256([]byte(trusted))
			_, err := verify(folder, protocol.Plugin{Name: "hello", Version: "1.0.0", Checksum: hex.EncodeToString(sum[:])})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	if err := room(t.TempDir(), 1); err != nil {
		t.Error(err)
	}
	if err := room(t.TempDir(), 1<<62); err == nil || !strings.Contains(err.Error(), "unpacked it takes 4") {
		t.Errorf("more than any disk holds: %v", err)
	}
}
