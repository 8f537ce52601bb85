package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
)

// StageConfig says where files of tasks lie while the tasks run.
type StageConfig struct {
	// Root is a folder that belongs to this Stage alone: what a dead process left there is removed.
	Root string
	// Artifacts is where input artifacts come from and new ones go.
	Artifacts artifacts.Store
	// Scratch says whether tasks of a node type get a scratch folder; nil: all do. Those without one still get
	// their input artifacts as files.
	Scratch func(nodeType string) bool
	// Generates says whether what a node type makes is marked as AI-generated; nil: none is.
	Generates func(nodeType string) bool
}

const taskPrefix = "task-"

type stage struct {
	StageConfig
	next Executor

	mu     sync.Mutex
	made   int
	unused []string // folders as folder makes them: making and removing one costs more than a small task
}

// Stage gives every task a folder of its own under Root: its input artifacts as read-only files in
// in/<n>/<name>, and out/ as its scratch. Files that the task returns are marked, as package mark does, and taken into the artifact store; artifacts
// that are neither such files nor among the task's inputs are refused. When Execute returns, however it went, nothing
// of the task is left. A task that needs neither scratch nor artifacts passes straight through.
func Stage(next Executor, c StageConfig) (Executor, error) {
	root, err := filepath.Abs(c.Root)
	if err == nil {
		c.Root, err = root, os.MkdirAll(root, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("scratch folder %s: %w", c.Root, err)
	}
	left, err := filepath.Glob(filepath.Join(c.Root, taskPrefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("scratch folder %s: %w", c.Root, err)
	}
	for _, folder := range left {
		if err := remove(folder); err != nil {
			return nil, fmt.Errorf("remove what an earlier process left: %w", err)
		}
	}
	return &stage{StageConfig: c, next: next}, nil
}

// Execute implements Executor.
func (s *stage) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	scratch := s.Scratch == nil || s.Scratch(t.Type)
	if !scratch && !hasArtifact(t.Inputs) {
		res, err := s.next.Execute(ctx, t)
		if err == nil && hasArtifact(res.Outputs) {
			_, err = replace(res.Outputs, func(at string, a sdk.Artifact) (sdk.Artifact, error) { return a, forged(at, a) })
		}
		return res, err
	}
	folder, err := s.folder()
	if err != nil {
		return sdk.Result{}, s.explain("make a scratch folder", err)
	}
	f := &taskFolder{stage: s, path: folder, task: t}
	res, err := s.inFolder(ctx, t, f, scratch)
	s.leave(f, err == nil)
	return res, err
}

// folder gives an empty folder with an empty folder out in it.
func (s *stage) folder() (string, error) {
	s.mu.Lock()
	if last := len(s.unused) - 1; last >= 0 {
		defer s.mu.Unlock()
		folder := s.unused[last]
		s.unused = s.unused[:last]
		return folder, nil
	}
	s.made++
	folder := filepath.Join(s.Root, taskPrefix+strconv.Itoa(s.made))
	s.mu.Unlock()
	err := os.Mkdir(folder, 0o700)
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, "out"), 0o700)
	}
	if err != nil {
		return "", errors.Join(err, remove(folder))
	}
	return folder, nil
}

// leave removes the folder, or keeps it for another task. One of a task that went wrong may still be written to.
func (s *stage) leave(f *taskFolder, well bool) {
	if well && len(f.inputs) == 0 && empty(filepath.Join(f.path, "out")) {
		s.mu.Lock()
		s.unused = append(s.unused, f.path)
		s.mu.Unlock()
		return
	}
	_ = remove(f.path) // the next start removes what stayed
}

// empty says whether the folder is one, private, and has nothing in it.
func empty(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || info.Mode() != os.ModeDir|0o700 {
		return false
	}
	f, err := os.Open(folder)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

func (s *stage) inFolder(ctx context.Context, t *sdk.Task, f *taskFolder, scratch bool) (sdk.Result, error) {
	fetching := artifacts.Waiting(ctx, func(why error) { t.Progress(-1, "it waits for what it works on: "+why.Error()) })
	var staging, keeping *span.Span
	if hasArtifact(t.Inputs) {
		fetching, staging = span.Start(fetching, "stage inputs")
	}
	inputs, err := replace(t.Inputs, func(at string, a sdk.Artifact) (sdk.Artifact, error) { return f.fetch(fetching, at, a) })
	staging.End(err)
	if err != nil {
		return sdk.Result{}, s.explain("", err)
	}
	inner := *t
	inner.Inputs = inputs
	if scratch {
		inner.Scratch = filepath.Join(f.path, "out")
	}
	res, err := s.next.Execute(ctx, inner.WithReporter(func(r sdk.Report) { t.Report(f.report(ctx, r)) }))
	if err != nil {
		return sdk.Result{}, s.noteFull(err)
	}
	if hasArtifact(res.Outputs) {
		ctx, keeping = span.Start(ctx, "keep outputs")
	}
	res.Outputs, err = replace(res.Outputs, func(at string, a sdk.Artifact) (sdk.Artifact, error) { return f.takeIn(ctx, at, a) })
	keeping.End(err)
	if err != nil {
		return sdk.Result{}, s.explain("", err)
	}
	return res, nil
}

// explain makes trouble with the host's own files into the task's failure.
func (s *stage) explain(doing string, err error) error {
	var e *sdk.Error
	if errors.As(err, &e) {
		return err
	}
	if doing != "" {
		err = artifacts.DiskError(doing, s.Root, err)
	}
	return sdk.AsError(err)
}

// noteFull tells of a full disk, whichever way a program put it.
func (s *stage) noteFull(err error) error {
	e := *sdk.AsError(err)
	left, ferr := artifacts.Free(s.Root)
	full := ferr == nil && left < 64<<10 || artifacts.IsFull(err) || artifacts.IsFull(errors.New(e.Detail))
	if !full || e.Cause != sdk.CauseFailed {
		return err
	}
	e.Hint = artifacts.FullHint(s.Root)
	if !strings.Contains(e.Message, "disk is full") {
		e.Message = "the disk is full: " + e.Message
	}
	return &e
}

// remove also removes folders that the task made unwritable.
func remove(folder string) error {
	err := os.RemoveAll(folder)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // RemoveAll tells what is still in the way
		}
		return nil
	})
	return os.RemoveAll(folder)
}
