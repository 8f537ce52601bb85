package auth

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Deed is what somebody did, or tried to do.
type Deed struct {
	At      time.Time `json:"at"`
	User    string    `json:"user,omitempty"`
	By      string    `json:"by,omitempty"` // the id of their token; empty: over the private socket, or nobody had to sign in
	Address string    `json:"address,omitempty"`
	Request string    `json:"request"` // its id, which no other deed has
	What    string    `json:"what"`    // the id of the API's operation
	On      string    `json:"on,omitempty"`
	Status  int       `json:"status"`
	Host    string    `json:"host,omitempty"` // where; empty: here
}

// maxTrail is the size of a file of the trail in bytes. There are two: a full one takes the place of the one before.
const maxTrail = 32 << 20

// Trail is the log of deeds: a file of this host, one line of JSON each, and what hosts that share a store have written down
// together. Nothing in it is changed.
type Trail struct {
	path   string
	shared store.Log

	mu   sync.Mutex
	f    *os.File
	size int64
}

// NewTrail keeps the log at a path; beside it, with .1 at its end, what was before; and in shared, if there is one.
func NewTrail(path string, shared store.Log) *Trail { return &Trail{path: path, shared: shared} }

// sharing is how long the store of several hosts may take to write a deed down.
const sharing = 5 * time.Second

// Note writes a deed down, whatever becomes of ctx. One that the store does not take is in the file all the same.
func (t *Trail) Note(ctx context.Context, d Deed) error {
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	err = t.write(line)
	if t.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharing)
		defer cancel()
		err = errors.Join(err, t.shared.Write(ctx, store.Entry{ID: d.Request, User: d.User, What: d.What, At: d.At, Raw: line}))
	}
	return err
}

func (t *Trail) write(line []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.open(int64(len(line)) + 1)
	if err == nil {
		n := 0
		n, err = t.f.Write(append(line, '\n'))
		t.size += int64(n)
	}
	if err == nil {
		return nil
	}
	if t.f != nil { // part of the line may be there: the next one looks anew
		err = errors.Join(err, t.f.Close())
		t.f = nil
	}
	return fmt.Errorf("the audit log: %w", err)
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
	Before     string // the request of the deed to page on from; empty: from the newest
	Limit      int
}

// List gives deeds, the newest first: those of all hosts that share a store. ErrNotFound: there is no deed Before, or not any more.
func (t *Trail) List(ctx context.Context, q Query) ([]Deed, error) {
	if t.shared == nil {
		return t.read(q)
	}
	entries, err := t.shared.Entries(ctx, store.EntryQuery{User: q.User, What: q.What, Since: q.Since, Before: q.Before, Limit: q.Limit})
	if err != nil {
		return nil, fmt.Errorf("the audit log: %w", err)
	}
	out := make([]Deed, len(entries))
	for k, e := range entries {
		if err := json.Unmarshal(e.Raw, &out[k]); err != nil {
			return nil, fmt.Errorf("the audit log: entry %s: %w", e.ID, err)
		}
		out[k].Host = e.Host
	}
	return out, nil
}

// read reads the files. A line that was cut off is passed over.
func (t *Trail) read(q Query) (out []Deed, err error) {
	found := q.Before == ""
lines:
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
			broken := json.Unmarshal(lines.Bytes(), &d) != nil
			if !broken && q.Before != "" && d.Request == q.Before { // what follows is newer
				found = true
				break lines
			}
			if broken || q.User != "" && d.User != q.User || q.What != "" && d.What != q.What || d.At.Before(q.Since) {
				continue
			}
			out = append(out, d)
		}
	}
	if !found {
		return nil, fmt.Errorf("the audit log: entry %s: %w", q.Before, store.ErrNotFound)
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
