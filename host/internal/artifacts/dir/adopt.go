package dir

import (
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// Adopt implements artifacts.Adopter. The file becomes read-only: nobody may write to it any more.
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
