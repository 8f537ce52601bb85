package lsp

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

// Bounds of a search through the folders that are open.
const (
	maxEntries = 20_000
	maxHCL     = 1_000
)

// document is one that the editor has open.
type document struct {
	uri, path string // the path has slashes
	version   *int
	text      *text.Text
	dirty     bool // it or what it is made of has changed since it was checked
}

// workspace is all that the server knows of files: open documents first, then the disk. The server's lock guards it.
type workspace struct {
	files    fs.FS // all there is; nil: the machine's disk
	folders  []string
	open     map[string]*document // by path
	uris     map[string]string    // what the client calls a path
	disk     map[string]onDisk
	outlines map[string]*outline.File // of this moment: dropped at every change
	bases    map[string]string        // see base
	listed   map[string][]string      // pipeline files by open folder
	types    pipeline.Types           // nil until they are known
	unnamed  int

	results   map[string]*result // of open documents, by path
	published map[string][]protocol.Diagnostic
	dropped   []string // documents that were closed
	trouble   string   // why types are not known
}

// onDisk is a file as it was last read.
type onDisk struct {
	size int64
	at   time.Time
	text *text.Text
}

func newWorkspace(files fs.FS) *workspace {
	return &workspace{
		files: files, open: map[string]*document{}, uris: map[string]string{}, disk: map[string]onDisk{}, outlines: map[string]*outline.File{},
		bases: map[string]string{}, listed: map[string][]string{}, results: map[string]*result{}, published: map[string][]protocol.Diagnostic{},
	}
}

func (w *workspace) addFolder(uri string) {
	if dir, ok := protocol.Path(uri); ok && !slices.Contains(w.folders, filepath.ToSlash(dir)) {
		w.folders = append(w.folders, filepath.ToSlash(dir))
	}
}

func (w *workspace) removeFolder(dir string) {
	w.folders = slices.DeleteFunc(w.folders, func(f string) bool { return f == filepath.ToSlash(dir) })
}

// pathOf gives the path of a document; one that is no file gets a path where no file is.
func (w *workspace) pathOf(uri string) string {
	if name, ok := protocol.Path(uri); ok {
		return filepath.ToSlash(name)
	}
	for name, known := range w.uris {
		if known == uri {
			return name
		}
	}
	w.unnamed++
	return fmt.Sprintf("/(unsaved %d)/pipeline.hcl", w.unnamed)
}

// changed forgets what was worked out of all files; what is known of their items stays with their texts.
func (w *workspace) changed() { clear(w.outlines) }

// NodeType implements outline.World.
func (w *workspace) NodeType(name string) (sdk.NodeType, bool) {
	if w.types == nil {
		return sdk.NodeType{}, false
	}
	return w.types.NodeType(name)
}

// Names implements outline.World.
func (w *workspace) Names() []string {
	if w.types == nil {
		return nil
	}
	return w.types.Names()
}

// Library implements pipeline.Library.
func (w *workspace) Library() *asset.Library {
	if l, ok := w.types.(pipeline.Library); ok {
		return l.Library()
	}
	return &asset.Library{}
}

// Open implements outline.World.
func (w *workspace) Open(name string) *outline.File {
	if f, ok := w.outlines[name]; ok {
		return f
	}
	t := w.read(name)
	if t == nil {
		return nil
	}
	w.outlines[name] = outline.New(name, t, w)
	return w.outlines[name]
}

// folder gives where a folder is: its name in a file system.
func (w *workspace) folder(dir string) (from fs.FS, in string) {
	if w.files == nil {
		return os.DirFS(filepath.FromSlash(dir)), "."
	}
	return w.files, within(dir)
}

// within makes an absolute path one of a file system that is all there is.
func within(name string) string { return cmp.Or(strings.TrimPrefix(path.Clean("/"+name), "/"), ".") }

func (w *workspace) read(name string) *text.Text {
	if d := w.open[name]; d != nil {
		return d.text
	}
	from, in := w.folder(path.Dir(name))
	local := path.Join(in, path.Base(name))
	info, err := fs.Stat(from, local)
	if err != nil || !info.Mode().IsRegular() || info.Size() > syntax.MaxFile {
		return nil
	}
	if known, ok := w.disk[name]; ok && known.size == info.Size() && known.at.Equal(info.ModTime()) {
		return known.text
	}
	data, err := fs.ReadFile(from, local)
	if err != nil {
		return nil
	}
	w.disk[name] = onDisk{info.Size(), info.ModTime(), text.New(string(data))}
	return w.disk[name].text
}

// List implements answer.Workspace.
func (w *workspace) List(dir string) (out []string) {
	from, in := w.folder(dir)
	entries, err := fs.ReadDir(from, in)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if info, err := fs.Stat(from, path.Join(in, name)); err == nil && info.IsDir() {
			name += "/"
		}
		out = append(out, name)
	}
	return out
}

// Exists implements answer.Workspace.
func (w *workspace) Exists(name string) bool {
	from, in := w.folder(path.Dir(name))
	info, err := fs.Stat(from, path.Join(in, path.Base(name)))
	return w.open[name] != nil || err == nil && info.Mode().IsRegular()
}

// URI implements answer.Workspace.
func (w *workspace) URI(name string) string {
	if uri := w.uris[name]; uri != "" {
		return uri
	}
	return protocol.URI(name)
}

// Users implements answer.Workspace.
func (w *workspace) Users(of string) (out []*outline.File) {
	for _, name := range w.pipelines(of) {
		f := w.Open(name)
		if name == of || f == nil {
			continue
		}
		for _, d := range f.Decls("module") {
			if f.ModulePath(d.Item) == of {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// pipelines lists the pipeline files that could have to do with a file: those of the open folder that it is in, or
// beside it where none is, and the open documents.
func (w *workspace) pipelines(near string) []string {
	root := ""
	for _, folder := range w.folders {
		if strings.HasPrefix(near, strings.TrimSuffix(folder, "/")+"/") && len(folder) > len(root) {
			root = folder
		}
	}
	var out []string
	if root != "" {
		out = slices.Clone(w.listing(root))
	} else {
		dir := path.Dir(near)
		out = append(w.beside(dir), w.beside(path.Dir(dir))...)
	}
	for name := range w.open {
		if isPipelineName(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (w *workspace) beside(dir string) (out []string) {
	for _, name := range w.List(dir) {
		if isPipelineName(name) && len(out) < maxHCL {
			out = append(out, path.Join(dir, name))
		}
	}
	return out
}

// listing finds the pipeline files of a folder, once until files come or go.
func (w *workspace) listing(root string) []string {
	if known, ok := w.listed[root]; ok {
		return known
	}
	var out []string
	seen := 0
	from, in := w.folder(root)
	top := root
	if w.files != nil {
		top = "/"
	}
	_ = fs.WalkDir(from, in, func(name string, e fs.DirEntry, err error) error {
		if seen++; seen > maxEntries || len(out) >= maxHCL {
			return fs.SkipAll
		}
		switch {
		case err != nil: // a folder that cannot be read has no pipelines for us
			return fs.SkipDir
		case e.IsDir() && name != in && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return fs.SkipDir
		case !e.IsDir() && isPipelineName(name):
			out = append(out, path.Join(top, name))
		}
		return nil
	})
	w.listed[root] = out
	return out
}

// moved forgets which files there are.
func (w *workspace) moved() {
	clear(w.bases)
	clear(w.listed)
}

func isPipelineName(name string) bool {
	return strings.HasSuffix(name, ".hcl") && !isTestName(name)
}

func isTestName(name string) bool { return strings.HasSuffix(name, testfile.Extension) }

// base is the folder that a file's modules may not leave: that of the outermost pipeline it is a module of, else its
// own.
func (w *workspace) base(name string) string {
	if b, known := w.bases[name]; known {
		return b
	}
	b, seen := path.Dir(name), map[string]bool{name: true}
	for next := []string{name}; len(next) > 0; next = next[1:] {
		for _, user := range w.Users(next[0]) {
			dir := path.Dir(user.Path)
			if !seen[user.Path] && (dir == b || strings.HasPrefix(b, strings.TrimSuffix(dir, "/")+"/")) {
				seen[user.Path] = true
				b, next = dir, append(next, user.Path)
			}
		}
	}
	w.bases[name] = b
	return b
}

// isPipeline says whether a document holds a pipeline, and is not some other file in HCL.
func isPipeline(d *document) bool {
	if !isPipelineName(d.path) {
		return false
	}
	items, _ := d.text.Items()
	return slices.ContainsFunc(items, func(i *text.Item) bool {
		return slices.Contains([]string{"pipeline", "node", "gate", "module", "trigger"}, i.Kind)
	})
}
