package wasmexec

import (
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// artifactsDir is where a guest finds the input artifacts of its task: /artifacts/<n>/<name>.
const artifactsDir = "/artifacts"

// artifacts are the input artifacts of one task, numbered in the order of their inputs' names.
type artifacts struct {
	inputs sdk.Values // with the paths that the guest sees
	list   []sdk.Artifact
	open   []*file
}

func newArtifacts(inputs sdk.Values) *artifacts {
	a := &artifacts{inputs: inputs}
	if hasArtifact(map[string]any(inputs)) {
		a.inputs = a.rewrite(map[string]any(inputs)).(map[string]any)
	}
	return a
}

func hasArtifact(x any) bool {
	switch x := x.(type) {
	case sdk.Artifact:
		return true
	case []any:
		return slices.ContainsFunc(x, hasArtifact)
	case map[string]any:
		for _, y := range x {
			if hasArtifact(y) {
				return true
			}
		}
	case sdk.Values:
		return hasArtifact(map[string]any(x))
	}
	return false
}

// rewrite copies values and gives their artifacts the paths that the guest sees.
func (a *artifacts) rewrite(x any) any {
	switch x := x.(type) {
	case sdk.Artifact:
		a.list = append(a.list, x)
		x.Path = artifactsDir + "/" + strconv.Itoa(len(a.list)-1) + "/" + fileName(x)
		return x
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = a.rewrite(x[i])
		}
		return out
	case sdk.Values:
		return a.rewrite(map[string]any(x))
	case map[string]any:
		out := make(map[string]any, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			out[k] = a.rewrite(x[k])
		}
		return out
	}
	return x
}

func fileName(a sdk.Artifact) string {
	if sdk.CheckArtifactName(a.Name) != nil {
		return "file"
	}
	return a.Name
}

// giveBack turns the artifacts among the outputs into those that the task was given. A guest makes no files, so any
// other artifact is a mistake, or a forgery.
func (a *artifacts) giveBack(out sdk.Values) error {
	return out.EachArtifact(func(x sdk.Artifact) (sdk.Artifact, error) {
		for _, mine := range a.list {
			if x.Digest == mine.Digest && x.Digest != "" {
				x.Path, x.Size = mine.Path, mine.Size
				return x, nil
			}
		}
		return x, sdk.Refuse("a control node returned the artifact "+strconv.Quote(x.Name)+", which is none of its inputs",
			"control nodes cannot make artifacts; return text, or use a plugin's node type")
	})
}

// close ends the task's open files and says how many the guest had left open.
func (a *artifacts) close() (left int) {
	for _, f := range a.open {
		if !f.closed {
			left++
			_ = f.Close() // only read
		}
	}
	a.open = nil
	return left
}

// view is a read-only fs.FS of the artifacts of a sandbox's current task.
type view struct{ box *sandbox }

// Open implements fs.FS.
func (v view) Open(name string) (fs.File, error) {
	fail := func(err error) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	if name == "." {
		return &dir{view: v, index: -1}, nil
	}
	number, rest, inside := strings.Cut(name, "/")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(v.list()) || strconv.Itoa(i) != number {
		return fail(fs.ErrNotExist)
	}
	a := v.list()[i]
	switch {
	case !inside:
		return &dir{view: v, index: i}, nil
	case rest != fileName(a):
		return fail(fs.ErrNotExist)
	}
	f, err := os.Open(a.Path)
	if err != nil {
		return fail(fs.ErrNotExist)
	}
	open := &file{f: f, info: fileInfo(a)}
	v.box.files.open = append(v.box.files.open, open)
	return open, nil
}

func (v view) list() []sdk.Artifact {
	if v.box.files == nil {
		return nil
	}
	return v.box.files.list
}

// file is an open artifact. It has no methods that write.
type file struct {
	f      *os.File
	info   info
	closed bool
}

func (f *file) Stat() (fs.FileInfo, error)                   { return f.info, nil }
func (f *file) Read(p []byte) (int, error)                   { return f.f.Read(p) }
func (f *file) ReadAt(p []byte, off int64) (int, error)      { return f.f.ReadAt(p, off) }
func (f *file) Seek(offset int64, whence int) (int64, error) { return f.f.Seek(offset, whence) }
func (f *file) Close() error                                 { f.closed = true; return f.f.Close() }

// dir is the folder of all artifacts, or of one.
type dir struct {
	view
	index int // -1: of all
	done  int // entries already given
}

func (d *dir) Stat() (fs.FileInfo, error) {
	if d.index < 0 {
		return info{name: ".", mode: fs.ModeDir | 0o555}, nil
	}
	return info{name: strconv.Itoa(d.index), mode: fs.ModeDir | 0o555}, nil
}

func (d *dir) Read([]byte) (int, error) { return 0, fs.ErrInvalid }
func (d *dir) Close() error             { return nil }

// ReadDir implements fs.ReadDirFile.
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	for i, a := range d.list() {
		switch d.index {
		case -1:
			all = append(all, fs.FileInfoToDirEntry(info{name: strconv.Itoa(i), mode: fs.ModeDir | 0o555}))
		case i:
			all = append(all, fs.FileInfoToDirEntry(fileInfo(a)))
		}
	}
	all = all[min(d.done, len(all)):]
	if n <= 0 {
		d.done += len(all)
		return all, nil
	}
	if len(all) == 0 {
		return nil, io.EOF
	}
	all = all[:min(n, len(all))]
	d.done += len(all)
	return all, nil
}

func fileInfo(a sdk.Artifact) info { return info{name: fileName(a), size: a.Size, mode: 0o444} }

// info is a fs.FileInfo that tells nothing of the host: no time, no owner.
type info struct {
	name string
	size int64
	mode fs.FileMode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
