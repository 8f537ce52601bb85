package auth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Deed is what somebody did, or tried to do.
type Deed struct {
	At      time.Time `json:"at"`
	User    string    `json:"user,omitempty"`
	By      string    `json:"by,omitempty"` // the id of their token; empty: over the private socket, or nobody had to sign in
	Address string    `json:"address,omitempty"`
	Request string    `json:"request"`
	What    string    `json:"what"` // the id of the API's operation
	On      string    `json:"on,omitempty"`
	Status  int       `json:"status"`
}

// maxTrail is the size of a file of the trail in bytes. There are two: a full one takes the place of the one before.
const maxTrail = 32 << 20

// Trail is the log of deeds, one line of JSON each. Nothing in it is changed.
type Trail struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64
}

// NewTrail keeps the log at a path; beside it, with .1 at its end, what was before.
func NewTrail(path string) *Trail { return &Trail{path: path} }

// Note writes a deed down.
func (t *Trail) Note(d Deed) error {
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.open(int64(len(line)) + 1); err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	n, err := t.f.Write(append(line, '\n'))
	t.size += int64(n)
	if err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	return nil
}

// open sees to it that there is a file with room.
func (t *Trail) open(room int64) error {
	for {
		switch {
		case t.f == nil:
			if err := t.begin(); err != nil {
				return err
			}
		case t.size > 0 && t.size+room > maxTrail:
			if err := errors.Join(t.f.Close(), os.Rename(t.path, t.path+".1")); err != nil {
				return err
			}
			t.f = nil
		default:
			return nil
		}
	}
}

// begin goes on with the file that is there. A line that was cut off becomes one of its own.
func (t *Trail) begin() error {
	if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(t.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	t.f, t.size = f, info.Size()
	last := []byte{'\n'}
	if t.size > 0 {
		if _, err := f.ReadAt(last, t.size-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		_, err = f.WriteString("\n")
		t.size++
	}
	return err
}

// Query selects deeds.
type Query struct {
	User, What string
	Since      time.Time
	Limit      int
}

// List gives deeds, the newest first. A line that was cut off is passed over.
func (t *Trail) List(q Query) (out []Deed, err error) {
	for _, path := range []string{t.path + ".1", t.path} {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the audit log: %w", err)
		}
		lines := bufio.NewScanner(bytes.NewReader(raw))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var d Deed
			if json.Unmarshal(lines.Bytes(), &d) != nil || q.User != "" && d.User != q.User || q.What != "" && d.What != q.What || d.At.Before(q.Since) {
				continue
			}
			out = append(out, d)
		}
	}
	slices.Reverse(out)
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out, nil
}

// Close closes the log.
func (t *Trail) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.f == nil {
		return nil
	}
	return t.f.Close()
}
