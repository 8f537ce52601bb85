package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

func (s *Store) pinned() string { return filepath.Join(s.Cache.pins(), s.Name) }

func (s *Store) makePins() error {
	if err := os.MkdirAll(s.pinned(), 0o700); err != nil {
		return fmt.Errorf("pins of host %s: %w", s.Name, err)
	}
	return syncFolder(s.Cache.pins())
}

// pin keeps the artifact here until Unpin, whatever happens to the process and the machine.
func (s *Store) pin(digest string) error {
	name, err := hexOf(digest)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(s.pinned(), name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), syncFolder(s.pinned()))
	}
	if err != nil {
		return artifacts.DiskError("pin artifact "+digest, s.pinned(), err)
	}
	return nil
}

// Unpin lets go of artifacts that the host has recorded, or that nobody waits for. What is not pinned is no error.
func (s *Store) Unpin(digests ...string) error {
	var errs []error
	for _, d := range digests {
		name, err := hexOf(d)
		if err == nil {
			err = os.Remove(filepath.Join(s.pinned(), name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("unpin: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Pinned gives what this host has not recorded yet, in no order.
func (s *Store) Pinned() ([]string, error) {
	entries, err := os.ReadDir(s.pinned())
	if err != nil {
		return nil, fmt.Errorf("pins of host %s: %w", s.Name, err)
	}
	var digests []string
	for _, e := range entries {
		digest := "sha256:" + e.Name()
		if _, err := hexOf(digest); err == nil {
			digests = append(digests, digest)
		}
	}
	return digests, nil
}

// allPinned gives what any host of this agent pins, those not connected now too.
func (c *Cache) allPinned() (map[string]bool, error) {
	hosts, err := os.ReadDir(c.pins())
	if err != nil {
		return nil, fmt.Errorf("pins: %w", err)
	}
	pinned := map[string]bool{}
	for _, h := range hosts {
		files, err := os.ReadDir(filepath.Join(c.pins(), h.Name()))
		if err != nil {
			return nil, fmt.Errorf("pins: %w", err)
		}
		for _, f := range files {
			pinned["sha256:"+f.Name()] = true
		}
	}
	return pinned, nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
