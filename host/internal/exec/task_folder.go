package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/mark"
	"github.com/myspinbot/spinbot/sdk"
)

// maxPreview is the size limit of a preview in bytes; a larger one is left out of its report.
const maxPreview = 8 << 20

// taskFolder is the folder of one task.
type taskFolder struct {
	*stage
	path    string
	task    *sdk.Task
	inputs  []sdk.Artifact // as given to the task, with Path
	fetched int
}

// fetch puts an input artifact where the task can read it. The same artifact given twice is one file.
func (f *taskFolder) fetch(ctx context.Context, at string, a sdk.Artifact) (sdk.Artifact, error) {
	for _, in := range f.inputs {
		if in.Digest == a.Digest && in.Name == a.Name {
			a.Path = in.Path
			f.inputs = append(f.inputs, a)
			return a, nil
		}
	}
	f.fetched++
	folder := filepath.Join(f.path, "in", strconv.Itoa(f.fetched))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return a, fmt.Errorf("input %s: %w", at, err)
	}
	a.Path = filepath.Join(folder, safeName(a.Name))
	if err := f.Artifacts.Fetch(ctx, a.Digest, a.Path); err != nil {
		return a, fmt.Errorf("input %s: %w", at, err)
	}
	f.inputs = append(f.inputs, a)
	return a, nil
}

// takeIn turns what the task returned as an artifact into one that the store holds.
func (f *taskFolder) takeIn(ctx context.Context, at string, a sdk.Artifact) (sdk.Artifact, error) {
	if a.Digest != "" {
		for _, in := range f.inputs {
			if in.Digest == a.Digest { // what the store knows of it counts, but for the name
				in.Path = ""
				if a.Name != "" {
					in.Name = a.Name
				}
				return in, nil
			}
		}
		return a, forged(at, a)
	}
	if a.Path == "" {
		return a, sdk.Refuse(fmt.Sprintf("output %s: an artifact without a file", at), "the node returns sdk.File with a path in its scratch folder")
	}
	file, err := f.open(at, a.Path)
	if err != nil {
		return a, err
	}
	defer file.Close()
	if a.Name == "" {
		a.Name = filepath.Base(a.Path)
	}
	a.Path = ""
	marked, err := f.marked(file)
	if err == nil {
		a, err = f.Artifacts.Put(ctx, marked, a)
	}
	if err != nil {
		return a, fmt.Errorf("output %s: %w", at, err)
	}
	return a, nil
}

// marked gives the bytes of a file with who made it among its metadata, where its kind has a place for that. A preview's task is of no run, and
// marks nothing.
func (f *taskFolder) marked(file *os.File) (io.Reader, error) {
	info, err := file.Stat()
	if err != nil || f.task.Address.Run == "" {
		return file, err
	}
	m := mark.Mark{At: f.task.Address.String()}
	if f.Generates != nil && f.Generates(f.task.Type) {
		m.Source = mark.Generated
	} else if f.generatedParts() {
		m.Source = mark.Composite
	}
	if r, ok := mark.Into(file, info.Size(), m); ok {
		return r, nil
	}
	return file, nil
}

// generatedParts says whether an input is marked as AI-generated, or as made of what is.
func (f *taskFolder) generatedParts() bool {
	for _, in := range f.inputs {
		file, err := os.Open(in.Path)
		if err != nil {
			continue // the node has removed it
		}
		m, _ := mark.Find(file, in.Size)
		file.Close()
		if m.Source != mark.Other {
			return true
		}
	}
	return false
}

// open opens a file of the task's folder, and none that a link leads to outside of it.
func (f *taskFolder) open(at, path string) (*os.File, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.path, "out", path)
	}
	rel, err := filepath.Rel(f.path, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, outside(at, path)
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", at, err)
	}
	defer root.Close()
	info, err := root.Stat(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, sdk.Fail(fmt.Sprintf("output %s: the node named the file %s, but did not make it", at, filepath.Base(path)), "")
	case err != nil && strings.Contains(err.Error(), "escapes"):
		return nil, outside(at, path)
	case err != nil:
		return nil, fmt.Errorf("output %s: %w", at, err)
	case !info.Mode().IsRegular():
		return nil, sdk.Fail(fmt.Sprintf("output %s: %s is no regular file (%v)", at, filepath.Base(path), info.Mode().Type()), "")
	case info.Size() == 0:
		return nil, sdk.Fail(fmt.Sprintf("output %s: the file %s is empty", at, filepath.Base(path)), "")
	}
	file, err := root.Open(rel)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", at, err)
	}
	return file, nil
}

// report takes a preview in. A report whose preview cannot be had goes on without it.
func (f *taskFolder) report(ctx context.Context, r sdk.Report) sdk.Report {
	if r.Preview == nil {
		return r
	}
	file, err := f.open("preview", r.Preview.Path)
	if err == nil {
		defer file.Close()
		if info, serr := file.Stat(); serr == nil && info.Size() <= maxPreview {
			if a, perr := f.Artifacts.Put(ctx, file, sdk.Artifact{Name: filepath.Base(r.Preview.Path), MediaType: r.Preview.MediaType}); perr == nil {
				r.Preview = &a
				return r
			}
		}
	}
	r.Preview = nil
	return r
}

func outside(at, path string) error {
	return sdk.Refuse(fmt.Sprintf("output %s: %s lies outside the task's scratch folder", at, path), "a node returns files that it wrote in its scratch folder, and no links out of it")
}

func forged(at string, a sdk.Artifact) error {
	if a.Digest == "" {
		return sdk.Refuse(fmt.Sprintf("output %s: a file from a node without a scratch folder", at), "")
	}
	return sdk.Refuse(fmt.Sprintf("output %s: artifact %s is neither a new file nor one of the task's inputs", at, a.Digest),
		"a node can only hand on artifacts that it was given")
}

// maxName keeps file names well below what file systems take.
const maxName = 100

// safeName makes a file name out of what somebody called an artifact. It keeps the extension, which programs look at.
func safeName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	safe := []byte(name)
	for i, c := range safe {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			continue
		}
		safe[i] = '_'
	}
	name = strings.TrimLeft(string(safe), ".-")
	if len(name) > maxName {
		ext := filepath.Ext(name)
		if len(ext) > maxName/2 {
			ext = ""
		}
		name = name[:maxName-len(ext)] + ext
	}
	if name == "" {
		return "artifact"
	}
	return name
}
