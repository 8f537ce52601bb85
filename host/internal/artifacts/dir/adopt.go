package dir

import (
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// Adopt takes in the file at path, whose digest the caller has verified, without copying it: it moves, and becomes
// read-only. Nobody may write to it any more. From another file system this fails with EXDEV, and the file stays.
func (s *Store) Adopt(path, digest string) error {
	place, err := s.file(digest)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return artifacts.DiskError("store artifact "+digest, filepath.Dir(path), err)
	}
	defer f.Close()
	if err := s.keep(&temp{f: f}, place); err != nil {
		return artifacts.DiskError("store artifact "+digest, s.root, err)
	}
	os.Remove(path) // where the store had it already
	return nil
}
