package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// config is what the host hands over.
type config struct {
	Folders map[string]string `spin:"folders,optional" doc:"Folders of this machine that pipelines may read from and lay files out in, by the names that they know them by. Paths are absolute"`
}

// folders are those of the configuration. A pipeline reaches nothing else, whatever links are in them.
type folders struct {
	mu    sync.RWMutex
	paths map[string]string
}

func (f *folders) configure(c config) error {
	for name, path := range c.Folders {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("folder %s: %q is not absolute", name, path)
		}
		if info, err := os.Stat(path); err != nil {
			return fmt.Errorf("folder %s: %w", name, err)
		} else if !info.IsDir() {
			return fmt.Errorf("folder %s: %s is a file", name, path)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths = c.Folders
	return nil
}

// open opens a folder by its name.
func (f *folders) open(name string) (*os.Root, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	path, ok := f.paths[name]
	if !ok {
		known := make([]string, 0, len(f.paths))
		for name := range f.paths {
			known = append(known, name)
		}
		slices.Sort(known)
		why := "there is none"
		if len(known) > 0 {
			why = "there are " + strings.Join(known, ", ")
		}
		return nil, sdk.Refuse(fmt.Sprintf("no folder is called %q on this machine: %s", name, why),
			fmt.Sprintf("add it to spinbot.hcl there: plugin \"artifact\" { folders = { %s = \"/…\" } }", name))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", name, err)
	}
	return root, nil
}

// inside checks a path within a folder: with slashes, and leaving it nowhere.
func inside(path string) error {
	if path == "." || !fs.ValidPath(path) || strings.ContainsAny(path, "\\\x00") {
		return sdk.Refuse(fmt.Sprintf("%q is no path within a folder", path), "write it with slashes, without .. and without a slash in front")
	}
	return nil
}

// refused tells a file that is not there, or that a link leads out of its folder to, from a disk that does not work.
func refused(err error, folder string) error {
	var path *fs.PathError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &path) && strings.Contains(path.Err.Error(), "escapes") {
		return sdk.Refuse(fmt.Sprintf("folder %s: %v", folder, err), "")
	}
	return fmt.Errorf("folder %s: %w", folder, err)
}
