package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
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
}

const taskPrefix = "task-"

type stage struct {
	StageConfig
	next Executor
}

// Stage gives every task a folder of its own under Root: its input artifacts as read-only files in
// in/<n>/<name>, and out/ as its scratch. Files that the task returns are taken into the artifact store; artifacts
// that are neither such files nor among the task's inputs are refused. The folder is gone when Execute returns,
// however it went. A task that needs neither scratch nor artifacts passes straight through.
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
	folder, err := s.folder(t)
	if err != nil {
		return sdk.Result{}, s.explain("make a scratch folder", err)
	}
	defer remove(folder) //nolint:errcheck // the next start removes what stayed
	return s.inFolder(ctx, t, &taskFolder{stage: s, path: folder}, scratch)
}

func (s *stage) folder(t *sdk.Task) (string, error) {
	folder, err := os.MkdirTemp(s.Root, fmt.Sprintf("%s%s-%d-*", taskPrefix, safeName(t.Address.Node.Name), t.Address.Attempt))
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(folder, sub), 0o700); err != nil {
			return "", errors.Join(err, remove(folder))
		}
	}
	return folder, nil
}

func (s *stage) inFolder(ctx context.Context, t *sdk.Task, f *taskFolder, scratch bool) (sdk.Result, error) {
	inputs, err := replace(t.Inputs, func(at string, a sdk.Artifact) (sdk.Artifact, error) { return f.fetch(ctx, at, a) })
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
	res.Outputs, err = replace(res.Outputs, func(at string, a sdk.Artifact) (sdk.Artifact, error) { return f.takeIn(ctx, at, a) })
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
