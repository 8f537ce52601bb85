package catalog

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/myspinbot/spinbot/sdk"
)

// pluginFile is what a plugin.hcl holds.
type pluginFile struct {
	Name        string `hcl:"name"`
	Version     string `hcl:"version"`
	Description string `hcl:"description,optional"`
	// Binary is the program, relative to the folder; the plugin's name when left out.
	Binary string `hcl:"binary,optional"`
}

type header struct {
	stamp string
	found candidate
}

// readHeader reads a plugin.hcl, once for each of its states.
func (c *Catalog) readHeader(path string, info fs.FileInfo) candidate {
	stamp := stampOf(info)
	if h, ok := c.headers[path]; ok && h.stamp == stamp {
		return h.found
	}
	f := parseHeader(path)
	c.headers[path] = header{stamp, f}
	return f
}

func parseHeader(path string) candidate {
	folder := filepath.Dir(path)
	f := candidate{name: filepath.Base(folder), kind: Plugin, path: folder, folder: folder}
	var p pluginFile
	if err := decode(path, &p); err != nil {
		f.bad = err.Error()
		return f
	}
	if p.Binary == "" {
		p.Binary = p.Name
	}
	f.version = p.Version
	switch {
	case !sdk.IsName(p.Name):
		f.bad = path + ": name must be a name such as \"hello\""
	case !filepath.IsLocal(p.Binary):
		f.bad = path + ": binary must lie in the plugin's folder"
	default:
		f.name, f.path = p.Name, filepath.Join(folder, p.Binary)
	}
	return f
}

// decode reads an HCL file of ours into a struct; its error names file and line.
func decode(path string, into any) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parsed, diags := hclparse.NewParser().ParseHCL(src, path)
	if !diags.HasErrors() {
		diags = gohcl.DecodeBody(parsed.Body, nil, into)
	}
	if diags.HasErrors() {
		return &fileError{diags}
	}
	return nil
}

// fileError says everything that is wrong with one of our HCL files in one line.
type fileError struct{ diags hcl.Diagnostics }

// Error joins the diagnostics.
func (e *fileError) Error() string {
	var lines []string
	for _, d := range e.diags {
		text := d.Summary
		if d.Detail != "" {
			text += ": " + d.Detail
		}
		if d.Subject != nil {
			text = d.Subject.String() + ": " + text
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "; ")
}
