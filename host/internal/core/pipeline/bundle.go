package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/sdk"
)

// Bundle is everything that a run needs to be resumed without the pipeline's folder: the file, what file() and
// templatefile() read, and the node types in use, so that neither an edit nor an updated plugin changes a run.
//
//	b := p.Bundle()
//	same, diags := load.Load(b.FS(), b.File, b)
type Bundle struct {
	// File is the pipeline's own file; Files holds it and the others by path.
	File  string            `json:"file"`
	Files map[string][]byte `json:"files"`
	// Named are files that are only known to be there: what triggers give to a run is an artifact of that run.
	Named []string `json:"named,omitempty"`
	// Types are the node types in use, ordered by name.
	Types []sdk.NodeType `json:"types"`
	// Assets are the versions of assets in use.
	Assets []asset.Asset `json:"assets,omitempty"`
}

// Digest is "sha256:" and the digest of the bundle's JSON: equal bundles have equal digests.
func (b Bundle) Digest() string {
	data, err := json.Marshal(b)
	if err != nil { // a default that is no JSON value; catalogs refuse such node types
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// NodeType finds a node type of the bundle: a Bundle is a Types.
func (b Bundle) NodeType(name string) (sdk.NodeType, bool) {
	for _, t := range b.Types {
		if t.Name == name {
			return t, true
		}
	}
	return sdk.NodeType{}, false
}

// Names lists the node types of the bundle.
func (b Bundle) Names() []string {
	names := make([]string, len(b.Types))
	for i, t := range b.Types {
		names[i] = t.Name
	}
	return names
}

// FS gives the bundle's files. Folders cannot be listed.
func (b Bundle) FS() fs.FS { return bundleFS{b.Files, b.Named} }

type bundleFS struct {
	files map[string][]byte
	named []string
}

// Stat also finds the files that are only known to be there.
func (f bundleFS) Stat(name string) (fs.FileInfo, error) {
	if slices.Contains(f.named, name) {
		return bundleInfo{name: path.Base(name)}, nil
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	return file.Stat()
}

// Open finds a file by its exact path.
func (f bundleFS) Open(name string) (fs.File, error) {
	data, ok := f.files[name]
	if !ok || !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &bundleFile{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

type bundleFile struct {
	*bytes.Reader
	name string
}

func (f *bundleFile) Close() error { return nil }

func (f *bundleFile) Stat() (fs.FileInfo, error) { return bundleInfo{f.name, f.Size()}, nil }

type bundleInfo struct {
	name string
	size int64
}

func (i bundleInfo) Name() string { return i.name }

func (i bundleInfo) Size() int64 { return i.size }

func (i bundleInfo) Mode() fs.FileMode { return 0o444 }

func (i bundleInfo) ModTime() time.Time { return time.Time{} }

func (i bundleInfo) IsDir() bool { return false }

func (i bundleInfo) Sys() any { return nil }

// Source gives a file of the bundle by the name that diagnostics use; nil when there is none.
func (b Bundle) Source(file string) []byte { return b.Files[strings.TrimPrefix(file, "./")] }
