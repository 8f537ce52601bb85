// Package checksum owns the question whether a plugin's program is the trusted one.
package checksum

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// Sums remembers checksums of files that did not change since: same file, size and times. The time of the last
// change of a file's node cannot be set, so an altered file is read again.
type Sums struct {
	mu    sync.Mutex
	known map[string]sum
}

type sum struct {
	stamp  string
	digest string
}

// Verify refuses a plugin's program whose checksum, "sha256:" and digits, is not the trusted one. Its errors are permanent
// refusals.
func (s *Sums) Verify(plugin, path, trusted string) error {
	refuse := func(message, hint string) error {
		return &sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Message: message, Hint: hint}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return refuse(fmt.Sprintf("plugin %s: its program is missing: %v", plugin, err), "install the plugin again; spinbot plugins lists what is there")
	case !info.Mode().IsRegular():
		return refuse(fmt.Sprintf("plugin %s: %s is not a file", plugin, path), "let binary in its plugin.hcl name the program")
	case info.Mode()&0o111 == 0:
		return refuse(fmt.Sprintf("plugin %s: %s is not executable", plugin, path), "chmod +x "+path)
	case trusted == "":
		return refuse(fmt.Sprintf("plugin %s is not trusted: no checksum is known for %s", plugin, path), "spinbot plugins trust "+plugin)
	}
	got, err := s.Digest(path, info)
	if err != nil {
		return refuse(fmt.Sprintf("plugin %s: %v", plugin, err), "")
	}
	if want := strings.TrimPrefix(trusted, "sha256:"); got != want {
		return refuse(fmt.Sprintf("plugin %s was altered: %s has the checksum %.12s…, trusted is %.12s…", plugin, path, got, want),
			"if you made this change: spinbot plugins trust "+plugin)
	}
	return nil
}

// Digest gives the digits of a file.
func (s *Sums) Digest(path string, info os.FileInfo) (string, error) {
	stamp := stampOf(info)
	s.mu.Lock()
	k, ok := s.known[path]
	s.mu.Unlock()
	if ok && stamp != "" && k.stamp == stamp {
		return k.digest, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	d := hex.EncodeToString(h.Sum(nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]sum{}
	}
	s.known[path] = sum{stamp, d}
	return d, nil
}
