// Package av is how the plugin works with ffmpeg and ffprobe: runs that end with the task, what they say of a failure, what a file holds.
package av

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// FFmpeg is one run of the program.
type FFmpeg struct {
	Args    []string
	Stdin   func(w io.Writer) error // frames, when it reads them from us
	Seconds float64                 // of its result, for progress; 0: unknown
	Report  func(fraction float64)
	Scratch string // named when the disk is full
}

// InstallHint says how ffmpeg is installed.
const InstallHint = "install it: apt-get install ffmpeg, or brew install ffmpeg"

// Program finds a program, or says how to get it.
func Program(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", sdk.Refuse(name+" is not installed on this machine", InstallHint)
	}
	return path, nil
}

// Run starts ffmpeg in its own process group and waits for it. It gives what it printed on stderr.
func (f FFmpeg) Run(ctx context.Context) (string, error) {
	path, err := Program("ffmpeg")
	if err != nil {
		return "", err
	}
	args := append([]string{"-hide_banner", "-nostats", "-y", "-progress", "pipe:1"}, f.Args...)
	cmd := exec.CommandContext(ctx, path, args...)
	OwnGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	var stderr Tail
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	var in io.WriteCloser
	if f.Stdin != nil {
		if in, err = cmd.StdinPipe(); err != nil {
			return "", err
		}
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start ffmpeg: %w", err)
	}
	var feed error
	var wg sync.WaitGroup
	if in != nil {
		wg.Add(1)
		go func() {
			defer wg.Done()
			feed = errors.Join(f.Stdin(in), in.Close())
		}()
	}
	f.follow(out)
	wg.Wait()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", f.explain(err, stderr.String())
	case feed != nil:
		return "", fmt.Errorf("hand frames to ffmpeg: %w", feed)
	}
	return stderr.String(), nil
}

// follow turns the key=value blocks of -progress into reports.
func (f FFmpeg) follow(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		us, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if key == "out_time_us" && err == nil && f.Seconds > 0 && f.Report != nil {
			f.Report(min(1, max(0, us/1e6/f.Seconds)))
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long to scan must not stall ffmpeg
}

// explain says what ffmpeg's failure means to a person.
func (f FFmpeg) explain(err error, stderr string) error {
	e := &sdk.Error{Cause: sdk.CauseFailed, Message: "ffmpeg failed: " + LastLine(stderr, err), Detail: stderr}
	low := strings.ToLower(stderr)
	switch {
	case strings.Contains(low, "no space left on device"):
		e.Message = "the disk is full: no room to write in " + f.Scratch
		e.Hint = "free some space there, then resume the run"
	case strings.Contains(low, "no such filter"):
		e.Permanent, e.Hint = true, "this ffmpeg was built without a filter that films need; install the full one: apt-get install ffmpeg"
	case strings.Contains(low, "cannot allocate memory"):
		e.Hint = "there is too little memory for this size; try a smaller height"
	}
	return e
}

// LastLine is the last line of what ffmpeg said that means something, or the error.
func LastLine(s string, err error) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if l != "" && !strings.HasPrefix(l, "Conversion failed") && !strings.HasPrefix(l, "Error while processing") {
			return l
		}
	}
	return err.Error()
}

// Tail keeps the last lines of what a program prints, and all of it while it is short.
type Tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 16 << 10

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

// String gives what was kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// WriteFile writes a small file into a scratch folder.
func WriteFile(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return DiskError(err, filepath.Dir(path))
	}
	return nil
}

// DiskError says in words that a disk is full; other errors stay as they are.
func DiskError(err error, dir string) error {
	if err != nil && strings.Contains(err.Error(), "no space left") {
		return sdk.Fail("the disk is full: no room to write in "+dir, "free some space there, then resume the run")
	}
	return err
}
