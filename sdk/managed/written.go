package managed

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// log makes the file for what the program writes.
func (s *Server) log() (io.WriteCloser, error) {
	if s.launch.Log == "" {
		return nothing{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(s.launch.Log), 0o700); err != nil {
		return nil, err
	}
	if err := os.Rename(s.launch.Log, s.launch.Log+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(s.launch.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

// where names the log for people.
func (s *Server) where() string {
	if s.launch.Log == "" {
		return ""
	}
	return ", all of it in " + s.launch.Log
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Close() error                { return nil }

// patient is a writer whose failures stop nobody: a server that cannot write hangs.
type patient struct{ io.Writer }

func (p patient) Write(b []byte) (int, error) { _, _ = p.Writer.Write(b); return len(b), nil }

// tail keeps the last that was written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(p), nil
}

// String gives whole lines of what was written last.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buf
	if len(b) == tailSize {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "�")
}
