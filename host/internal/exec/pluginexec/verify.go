package pluginexec

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

// sums remembers checksums of files that did not change since: same file, size and times. The time of the last
// change of a file's node cannot be set, so an altered file is read again.
type sums struct {
	mu    sync.Mutex
	known map[string]sum
}

type sum struct {
	stamp  string
	digest string
}

// verify refuses a program whose checksum is not the trusted one.
func (s *sums) verify(b Binary) error {
	refuse := func(message, hint string) error {
		return &sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Message: message, Hint: hint}
	}
	info, err := os.Stat(b.Path)
	switch {
	case err != nil:
		return refuse(fmt.Sprintf("plugin %s: its program is missing: %v", b.Name, err), "install the plugin again; spinbot plugins lists what is there")
	case !info.Mode().IsRegular():
		return refuse(fmt.Sprintf("plugin %s: %s is not a file", b.Name, b.Path), "let binary in its plugin.hcl name the program")
	case info.Mode()&0o111 == 0:
		return refuse(fmt.Sprintf("plugin %s: %s is not executable", b.Name, b.Path), "chmod +x "+b.Path)
	case b.SHA256 == "":
		return refuse(fmt.Sprintf("plugin %s is not trusted: no checksum is known for %s", b.Name, b.Path), "spinbot plugins trust "+b.Name)
	}
	got, err := s.digest(b.Path, info)
	if err != nil {
		return refuse(fmt.Sprintf("plugin %s: %v", b.Name, err), "")
	}
	if want := strings.TrimPrefix(b.SHA256, "sha256:"); got != want {
		return refuse(fmt.Sprintf("plugin %s was altered: %s has the checksum %.12s…, trusted is %.12s…", b.Name, b.Path, got, want),
			"if you made this change: spinbot plugins trust "+b.Name)
	}
	return nil
}

func (s *sums) digest(path string, info os.FileInfo) (string, error) {
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
