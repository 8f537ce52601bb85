package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

var (
	plainPath = regexp.MustCompile(`^[A-Za-z0-9_/-]+$`)
	plainKind = regexp.MustCompile(`^\.[a-z0-9]{1,5}$`)
)

// bench is where an engine's files lie: Wav2Lip and LatentSync hand paths to a shell as they are, and Wav2Lip takes what comes after the
// first dot of a path for the kind of file. It is the task's folder where that has a plain name, else one of its own until sweep.
func bench(scratch string) (dir string, sweep func() error, err error) {
	if plainPath.MatchString(scratch) {
		return scratch, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "spinbot-lips-")
	if err == nil && !plainPath.MatchString(dir) {
		err = sdk.Refuse("neither "+scratch+" nor "+dir+" is a path that engines take: it may have letters, digits, - and _", "set TMPDIR to such a folder, as TMPDIR=/tmp")
		_ = os.Remove(dir) // it is empty
	}
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// withName gives a file its kind in its name: engines tell pictures from films by it. A shell may read the name.
func withName(a sdk.Artifact, dir, name string) (string, error) {
	kind := strings.ToLower(filepath.Ext(a.Name))
	if !plainKind.MatchString(kind) {
		return "", sdk.Refuse("the name of "+a.Name+" says not what it is", "give a "+name+" whose name ends as .png, .jpg or .wav do")
	}
	path := filepath.Join(dir, name+kind)
	raw, err := os.ReadFile(a.Path)
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, raw, 0o600)
}

// alone waits until no other task runs the engine, which has one folder for its files, and gives what ends that.
func (s *stage) alone(ctx context.Context) (func(), error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
