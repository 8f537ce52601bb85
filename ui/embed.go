// Package ui holds the built web interface, when there is one.
package ui

import (
	"embed"
	"io/fs"
)

// The folder always holds at least its own .gitkeep, so that the module builds without Node.
//
//go:embed all:dist
var dist embed.FS

// Files gives the built interface; ok is false when it was not built into this binary.
func Files() (files fs.FS, ok bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	_, err = fs.Stat(sub, "index.html")
	return sub, err == nil
}
