package secrets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// readFile reads a secret's file. Nobody but its owner may read it; one newline at its end is not part of the secret.
func readFile(name, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", unreadable(name, err)
	case !info.Mode().IsRegular():
		return "", problem(name, "is not a file: %s", path)
	}
	if err := ownersOnly(path, info); err != nil {
		return "", problem(name, "%s", err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, MaxLength+3))
	if err != nil {
		return "", unreadable(name, err)
	}
	return trimNewline(string(raw)), nil
}

// unreadable keeps the reason, which says whether the file is there.
func unreadable(name string, err error) error {
	return &Error{Name: name, Message: "cannot be read: " + err.Error(), cause: err}
}

func checkFile(name, path string) error {
	value, err := readFile(name, path)
	if err != nil {
		return err
	}
	return check(name, value)
}

// ownersOnly refuses a file that others can read, with the command that mends it.
func ownersOnly(path string, info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("lies where others can read it (%s is %04o): chmod 600 %s", path, mode, path)
	}
	return nil
}

func trimNewline(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// Store keeps a secret in a folder, for its owner alone. One newline at its end is not part of it.
func Store(dir, name, value string) error {
	if !sdk.IsName(name) {
		return problem(name, "is no name: take letters, digits, _ and -, beginning with a letter or _")
	}
	value = trimNewline(value)
	if err := check(name, value); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder of secrets: %w", err)
	}
	return write(filepath.Join(dir, name), []byte(value))
}

// Remove forgets a secret that Store kept.
func Remove(dir, name string) error {
	if !sdk.IsName(name) {
		return problem(name, "is no name")
	}
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return problem(name, "is not stored here; \"spinbot secrets ls\" shows where it comes from")
	}
	return err
}

// write puts a file in its place whole and synced, readable by its owner only.
func write(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
