// Package pipelines knows which pipelines lie in the folders of this host: every .hcl file that is no .test.hcl,
// .lock.hcl or .trust.hcl. The folders are looked at, not watched: a look costs a few stats, and what changed since the
// last one, the file itself, its modules, the files that it reads, or the node types there are, is loaded again. What is
// broken is out of use, with the reason; what it was before is not used instead.
//
// It runs nothing, and knows no triggers: it gives what there is to whoever asks.
package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
)

// State says whether a pipeline can be used.
type State string

// The states of an entry; Entry.Reason explains Broken.
const (
	Ready  State = "ready"
	Broken State = "broken"
)

// Entry is one pipeline file.
type Entry struct {
	// Name is the pipeline's; of a file that cannot be read so far, the name it had, or else the file's.
	Name string
	// File is its path as it stands in the folder.
	File   string
	State  State
	Reason string
	// Pipeline is set when the entry is ready.
	Pipeline *pipeline.Pipeline
	// Diagnostics are all that was found in it, warnings too.
	Diagnostics diagnostic.Diagnostics

	folder string // where its modules and files are: links are followed
}

// Open opens a file of the pipeline's folder. Nothing outside of it can be reached.
func (e Entry) Open(name string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(e.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(name))
}

// Config says where to look.
type Config struct {
	// Dirs are looked at in order; one that does not exist is empty. An earlier pipeline hides a later one of its name.
	Dirs []string
	// Types gives the node types there are now: the same value as long as nothing changed.
	Types func(ctx context.Context) (pipeline.Types, error)
}

// Folders finds pipelines. It is safe for concurrent use.
type Folders struct {
	cfg Config

	saving sync.Mutex // one at a time changes a file
	mu     sync.Mutex
	loaded map[string]loaded // by path
}

// loaded is a file as it was when it was read.
type loaded struct {
	entry Entry
	stamp string
	types pipeline.Types
}

// New makes the folders; it looks at nothing yet.
func New(cfg Config) *Folders { return &Folders{cfg: cfg, loaded: map[string]loaded{}} }

// ErrUnknown says that there is no such pipeline.
var ErrUnknown = errors.New("no such pipeline")

// Find gives the pipeline of a name as it is now; ErrUnknown when there is none.
func (f *Folders) Find(ctx context.Context, name string) (Entry, error) {
	all, err := f.View(ctx)
	if err != nil {
		return Entry{}, err
	}
	i := slices.IndexFunc(all, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, fmt.Errorf("%w: %s; pipelines are looked for in %s", ErrUnknown, name, strings.Join(f.cfg.Dirs, ", "))
	}
	return all[i], nil
}

// Folder opens the folder that a pipeline's modules and files are in; of a pipeline that is not there, where Save would put it.
// Nothing outside of it can be reached. fs.ErrNotExist: that is not there yet.
func (f *Folders) Folder(ctx context.Context, name string) (*os.Root, error) {
	e, err := f.Find(ctx, name)
	switch {
	case err == nil:
		return os.OpenRoot(e.folder)
	case errors.Is(err, ErrUnknown) && len(f.cfg.Dirs) > 0:
		return os.OpenRoot(f.cfg.Dirs[len(f.cfg.Dirs)-1])
	}
	return nil, err
}

// View gives every pipeline as it is now, in the order of the folders, then of names of files.
func (f *Folders) View(ctx context.Context) ([]Entry, error) {
	types, err := f.cfg.Types(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := map[string]loaded{}
	var all []Entry
	for _, dir := range f.cfg.Dirs {
		for _, path := range files(dir) {
			if _, twice := now[path]; twice {
				continue // a folder that was named twice
			}
			l := f.look(path, types)
			now[path] = l
			all = append(all, l.entry)
		}
	}
	f.loaded = now
	hideSecond(all)
	return all, nil
}

// skipped are the endings of files that belong to a pipeline, and are none.
var skipped = []string{".test.hcl", ".lock.hcl", ".trust.hcl"}

// files lists the pipeline files of a folder; one that is missing or unreadable has none.
func files(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := e.Name()
		ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
		if ends(".hcl") && !slices.ContainsFunc(skipped, ends) && !strings.HasPrefix(name, ".") && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// look gives the file as it was, when nothing that it was made of has changed, or else as it is now.
func (f *Folders) look(path string, types pipeline.Types) loaded {
	was, known := f.loaded[path]
	if known && was.stamp != "" && was.types == types && was.stamp == stampOf(path, was.entry) {
		return was
	}
	begun := time.Now()
	l := loaded{entry: read(path, types), types: types}
	if l.entry.State == Broken {
		// What is missing leaves no stamp: it is tried again at every look.
		if known && l.entry.Name == nameOf(path) {
			l.entry.Name = was.entry.Name
		}
		return l
	}
	if !changedSince(l.entry, begun.Add(-settle)) {
		l.stamp = stampOf(path, l.entry)
	}
	return l
}

// settle is for how long after a change a file is read anew at every look: it may change twice within what the file
// system's clock tells apart.
const settle = 2 * time.Second

func read(path string, types pipeline.Types) Entry {
	e := Entry{Name: nameOf(path), File: path, State: Broken, folder: filepath.Dir(path)}
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		e.Reason = fmt.Sprintf("%s cannot be read: %v", path, err)
		return e
	}
	e.folder = filepath.Dir(file)
	root, err := os.OpenRoot(e.folder)
	if err != nil {
		e.Reason = fmt.Sprintf("%s cannot be read: %v", e.folder, err)
		return e
	}
	defer root.Close()
	p, found := load.Load(root.FS(), filepath.Base(file), types)
	e.Diagnostics = found
	if p != nil && p.Name != "" {
		e.Name = p.Name
	}
	if p == nil || found.HasErrors() {
		e.Reason = reason(found)
		return e
	}
	e.State, e.Pipeline = Ready, p
	return e
}

func nameOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".hcl") }

// reason is the first error, and how many more there are.
func reason(found diagnostic.Diagnostics) string {
	text, more := "", -1
	for _, d := range found {
		if d.Severity == diagnostic.Error {
			if more++; more == 0 {
				text = d.String()
			}
		}
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// hideSecond breaks entries whose name an earlier one has.
func hideSecond(all []Entry) {
	first := map[string]string{}
	for i := range all {
		e := &all[i]
		if file, taken := first[e.Name]; taken {
			e.State, e.Pipeline = Broken, nil
			e.Reason = fmt.Sprintf("the pipeline of %s comes first under the same name; rename one of them", file)
			continue
		}
		first[e.Name] = e.File
	}
}

// parts are the files that a pipeline is made of: its own, those it reads, those its triggers name.
func (e Entry) parts() []string {
	b := e.Pipeline.Bundle()
	names := slices.Clone(b.Named)
	for name := range b.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names {
		names[i] = filepath.Join(e.folder, filepath.FromSlash(names[i]))
	}
	return names
}

// stampOf changes whenever a part of the pipeline does, as well as stats can tell.
func stampOf(path string, e Entry) string {
	var b strings.Builder
	for _, part := range append(e.parts(), path) {
		fmt.Fprintf(&b, "%s\x00", part)
		if info, err := os.Stat(part); err == nil {
			fmt.Fprintf(&b, "%d %d %s\x00", info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
	}
	if file, err := filepath.EvalSymlinks(path); err == nil {
		b.WriteString(file)
	}
	return b.String()
}

func changedSince(e Entry, moment time.Time) bool {
	return slices.ContainsFunc(e.parts(), func(part string) bool {
		info, err := os.Stat(part)
		return errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(moment)
	})
}
