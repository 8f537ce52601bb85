package reports

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The bounds of what is kept of a run's log.
const (
	maxLog     = 8 << 20  // bytes per run; later lines are dropped
	maxLogLine = 16 << 10 // bytes of one message
	openLogs   = 64
	logSuffix  = ".jsonl"
)

// Logs keep what nodes and their plugins say as JSON lines, one file per run. What happened to the nodes is not
// written there: the journal has it, and reading brings both together.
type Logs struct {
	dir     string
	journal store.Journal

	mu    sync.Mutex
	files map[string]*logFile
}

type logFile struct {
	f    *os.File
	size int64
}

func newLogs(dir string, journal store.Journal) *Logs {
	return &Logs{dir: dir, journal: journal, files: map[string]*logFile{}}
}

// write adds a line; a log that cannot be written is no reason to disturb the run.
func (l *Logs) write(a sdk.Address, level, message string, now time.Time) {
	if len(message) > maxLogLine {
		message = strings.ToValidUTF8(message[:maxLogLine], "") + "…"
	}
	raw, err := json.Marshal(client.LogLine{Time: now.UTC(), Address: a.String(), Level: level, Message: message})
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.open(a.Run)
	if f == nil || f.size > maxLog {
		return
	}
	if f.size+int64(len(raw)) > maxLog { // it is the last line
		raw, _ = json.Marshal(client.LogLine{Time: now.UTC(), Address: a.String(), Level: "warn", Message: "the log of this run is full: what is said from here on is not kept"})
		f.size = maxLog
	}
	n, _ := f.f.Write(append(raw, '\n'))
	f.size += int64(n)
}

func (l *Logs) path(run string) string { return filepath.Join(l.dir, filepath.Base(run)+logSuffix) }

func (l *Logs) open(run string) *logFile {
	if f := l.files[run]; f != nil {
		return f
	}
	if len(l.files) >= openLogs {
		for id := range l.files {
			l.shut(id)
			break
		}
	}
	f, err := os.OpenFile(l.path(run), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil
	}
	lf := &logFile{f: f}
	if info, err := f.Stat(); err == nil {
		lf.size = info.Size()
	}
	l.files[run] = lf
	return lf
}

func (l *Logs) shut(run string) {
	if f := l.files[run]; f != nil {
		f.f.Close()
		delete(l.files, run)
	}
}

// ended closes the file of a run that ended.
func (l *Logs) ended(run string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut(run)
}

func (l *Logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for run := range l.files {
		l.shut(run)
	}
}

// read gives what was said and what happened, in order of time.
func (l *Logs) read(ctx context.Context, id, node string) (io.ReadCloser, error) {
	lines, err := l.happened(ctx, id)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(l.path(id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, one := range bytes.Split(raw, []byte("\n")) {
		var line client.LogLine
		if json.Unmarshal(one, &line) == nil { // the last may have been cut by a crash
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b client.LogLine) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, line := range lines {
		if !concerns(line.Address, node) {
			continue
		}
		if err := e.Encode(line); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(&out), nil
}

// concerns says whether an address is of the node that is asked for: by its name, by its address within the run with or
// without a key, or by that of a module around it.
func concerns(address, node string) bool {
	if node == "" {
		return true
	}
	a, err := sdk.ParseAddress(address)
	if err != nil {
		return false
	}
	return run.Concerns(a, node)
}

// happened tells a run's events as lines.
func (l *Logs) happened(ctx context.Context, id string) ([]client.LogLine, error) {
	events, err := l.journal.Read(ctx, id, 0, 0)
	if err != nil {
		return nil, err
	}
	var lines []client.LogLine
	for _, stored := range events {
		e, err := run.Decode(stored.Data)
		if err != nil {
			return nil, err
		}
		if level, text := e.Tell(); text != "" {
			lines = append(lines, client.LogLine{Time: e.Time.UTC(), Address: e.At(run.ID(id)).String(), Level: level, Message: text})
		}
	}
	return lines, nil
}

// All implements retention.Logs.
func (l *Logs) All() ([]retention.Log, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	var out []retention.Log
	for _, e := range entries {
		run, ok := strings.CutSuffix(e.Name(), logSuffix)
		if !ok || e.IsDir() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, retention.Log{Run: run, Bytes: info.Size(), Written: info.ModTime()})
	}
	return out, nil
}

// Remove implements retention.Logs.
func (l *Logs) Remove(run string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut(run)
	if err := os.Remove(filepath.Join(l.dir, run+logSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
