// Package models owns the model files of one machine: which lie in its folders, what their digests are, and how more of them
// come. A file is known by its name, its kind and its path with slashes: "loras/styles/ink.safetensors". Nothing is hashed
// before somebody wants its digest. A file that comes is written beside its place under a hidden name, goes on where it broke
// off, and is verified before it is there. A file is removed when a person wants that, and lies in a folder itself; none is
// written over.
package models

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Folder is one folder of model files.
type Folder struct {
	Path string
	// Kind is of all that lies in it; empty: its sub-folders are the kinds.
	Kind string
	// Rate is how many bytes a second fetches into it may take, each; 0: any number.
	Rate int64
	// Private: files may be fetched into it from private addresses.
	Private bool
}

// Config is what a Library works with.
type Config struct {
	Folders []Folder
	Hashes  string // the file in which digests are kept
	// Uses says which task uses a file, if any does; nil: none ever does.
	Uses func(name string) (task string)
	// Changed is told that Files says something else, or with false that Fetches does. It must not block; nil: nobody cares.
	Changed func(files bool)
	Log     *slog.Logger // nil: nobody reads it
}

// File is one model file.
type File struct {
	Name   string
	Size   int64
	Digest string // "sha256:…"; empty: nobody has asked for it yet
}

// found is a file as it was seen last.
type found struct {
	File

	path string
	time time.Time
}

// Library is the model files of one machine. It is safe for concurrent use.
type Library struct {
	cfg    Config
	hashes *hashes
	slots  chan struct{} // one for each fetch under way
	// idle is how long a fetch may stand still; pause waits before it goes on. Tests have other ones.
	idle  time.Duration
	pause func(ctx context.Context, attempt int) error

	work    context.Context //nolint:containedctx // ends with Close
	stop    context.CancelFunc
	working sync.WaitGroup

	looking sync.Mutex // held by whoever looks into the folders
	next    time.Time  // when they are looked at again; under looking
	mu      sync.Mutex
	files   []found
	names   map[string]bool // of files; never changed, but for another one
	fetches []*fetch        // at most one of each name, the oldest first
}

// fetchesAtOnce is how many files come at a time; others wait.
const fetchesAtOnce = 2

// New makes a library; it looks into its folders from Look on. Close it in the end.
func New(c Config) *Library {
	if c.Uses == nil {
		c.Uses = func(string) string { return "" }
	}
	if c.Changed == nil {
		c.Changed = func(bool) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Library{cfg: c, hashes: openHashes(c.Hashes, c.Log), slots: make(chan struct{}, fetchesAtOnce), names: map[string]bool{}, idle: time.Minute, pause: backoff}
	l.work, l.stop = context.WithCancel(context.Background())
	return l
}

// Close stops the fetches. They go on where they were when somebody wants the files again.
func (l *Library) Close() {
	l.mu.Lock() // whoever begins something has begun it
	l.stop()
	l.mu.Unlock()
	l.working.Wait()
}

// Files lists the model files as they were seen last, by name.
func (l *Library) Files() []File {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]File, len(l.files))
	for k, f := range l.files {
		out[k] = f.File
		out[k].Digest = l.hashes.known(f)
	}
	return out
}

func (l *Library) file(name string) (found, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := slices.BinarySearchFunc(l.files, name, func(f found, name string) int { return strings.Compare(f.Name, name) }); ok {
		return l.files[k], true
	}
	return found{}, false
}

// Names gives the names of Files. It is not to be changed.
func (l *Library) Names() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names
}

// have takes in what there is. mu is held.
func (l *Library) have(files []found) {
	l.files, l.names = files, make(map[string]bool, len(files))
	for _, f := range files {
		l.names[f.Name] = true
	}
}

// Background does something for this library until Close.
func (l *Library) Background(do func(ctx context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work.Err() == nil {
		l.working.Go(func() { do(l.work) })
	}
}

// The folders are looked at no more often than every lookEvery, and where that takes long, for no more than a twentieth of the
// time or every lookMost.
const (
	lookEvery = 2 * time.Second
	lookMost  = 5 * time.Minute
	lookShare = 20
	// settled is how long a file has not been written to that is taken for whole.
	settled = 2 * time.Second
)

// Look sees what has changed in the folders. It costs nothing when that was done a moment ago, or somebody does it now.
func (l *Library) Look() {
	if l.looking.TryLock() && l.lookNow() {
		l.cfg.Changed(true)
	}
}

// lookNow looks unless that was done a moment ago, and says whether something has changed. It gives looking back.
func (l *Library) lookNow() (changed bool) {
	defer l.looking.Unlock()
	if began := time.Now(); !began.Before(l.next) {
		changed = l.look()
		l.next = time.Now().Add(max(lookEvery, min(lookMost, lookShare*time.Since(began))))
	}
	return changed
}

// look sees at any time what has changed. looking is held.
func (l *Library) look() bool {
	s := scan{now: time.Now(), files: map[string]found{}, dirs: map[string]bool{}, before: map[string]bool{}}
	l.mu.Lock()
	for _, f := range l.files {
		s.before[f.path] = true
	}
	l.mu.Unlock()
	for _, f := range l.cfg.Folders {
		s.dirs = map[string]bool{} // the same folder may be of two kinds
		s.folder(f.Path, f.Kind, 0)
	}
	files := make([]found, 0, len(s.files))
	for _, f := range s.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b found) int { return cmp.Compare(a.Name, b.Name) })
	l.mu.Lock()
	changed := !slices.Equal(files, l.files)
	if changed {
		l.have(files)
	}
	l.mu.Unlock()
	return changed
}

// The most that is looked at.
const (
	maxDepth = 8
	maxFiles = 20000
)

// scan is one look into all folders.
type scan struct {
	now    time.Time
	files  map[string]found
	dirs   map[string]bool // that were looked into, by where links lead
	before map[string]bool // paths that were whole when they were looked at last
}

// folder looks into one, whose files are called name and theirs. What cannot be read is not there.
func (s *scan) folder(dir, name string, depth int) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil || s.dirs[real] || depth > maxDepth {
		return
	}
	s.dirs[real] = true
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		at, called := filepath.Join(dir, e.Name()), path.Join(name, e.Name())
		if strings.HasPrefix(e.Name(), ".") || len(s.files) >= maxFiles {
			continue
		}
		info, err := os.Stat(at) // of what a link leads to
		switch {
		case err != nil:
		case info.IsDir():
			s.folder(at, called, depth+1)
		case info.Mode().IsRegular() && info.Size() > 0 && sdk.IsModelFile(called) && s.whole(at, info):
			if _, twice := s.files[called]; !twice {
				s.files[called] = found{File{Name: called, Size: info.Size()}, at, info.ModTime()}
			}
		}
	}
}

// whole says whether a file has been written to its end, as far as its time tells.
func (s *scan) whole(at string, info os.FileInfo) bool {
	age := s.now.Sub(info.ModTime())
	return s.before[at] || age < 0 || age >= settled
}
