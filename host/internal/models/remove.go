package models

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Remove deletes a file from the disk. One that is not there is an fs.ErrNotExist; one that a task uses, or that lies outside the
// folders and is only linked to, stays.
func (l *Library) Remove(name string) error {
	f, ok := l.file(name)
	if !ok {
		return fmt.Errorf("model %s: %w", name, fs.ErrNotExist)
	}
	if task := l.cfg.Uses(name); task != "" {
		return fmt.Errorf("%s uses %s: remove it when that has ended", task, name)
	}
	if err := l.within(f.path); err != nil {
		return err
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove model %s: %w", name, err)
	}
	l.looking.Lock()
	l.mu.Lock()
	l.have(slices.DeleteFunc(slices.Clone(l.files), func(x found) bool { return x.Name == name }))
	l.mu.Unlock()
	l.looking.Unlock()
	l.cfg.Changed(true)
	return nil
}

// within says of a file whose bytes are in none of the folders where they are.
func (l *Library) within(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("remove model: %w", err)
	}
	for _, f := range l.cfg.Folders {
		if folder, err := filepath.EvalSymlinks(f.Path); err == nil && strings.HasPrefix(real, folder+string(filepath.Separator)) {
			return nil
		}
	}
	return fmt.Errorf("%s leads to %s, which is in no folder of models: remove it there by hand", path, real)
}
