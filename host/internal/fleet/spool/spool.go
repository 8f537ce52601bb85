// Package spool is what an agent notes of attempts on its disk, so that another process of it goes on from there: a line for
// each that it begins, for each result, and for those that hosts are done with. The end of the file may be torn.
package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
)

// Spool is the file. One goroutine uses it at a time.
type Spool struct {
	path string
	boot string // what the file says of the machine's boot
	f    *os.File
	size int64
	line []byte // what is written now
	// broken is why a write went wrong: what follows a torn line is never read again, so nothing may.
	broken error
	noted
}

// noted is what the file says.
type noted struct {
	records map[string]protocol.Record
	gone    []string // the last that hosts are done with, oldest first
}

// Note is one line: of the machine's boot, of an attempt that begins or has a result, or of those that are done with.
type Note struct {
	Boot   string           `json:"boot,omitempty"` // of the machine, seen when all that stood there before was looked at
	Begun  string           `json:"begun,omitempty"`
	Host   string           `json:"host,omitempty"`
	Result *protocol.Result `json:"result,omitempty"`
	Gone   []string         `json:"gone,omitempty"`
}

// Kept is how many of the attempts that hosts are done with it names, the last ones.
const Kept = 10_000

// compactFrom is how long, in bytes, the file may be before it is written anew.
const compactFrom = 4 << 20

// Open reads what was noted and begins the file anew without what is done with. rebooted says that the machine was
// started since: the last notes may be missing. It is said again until the new boot is noted.
func Open(path, boot string) (s *Spool, rebooted bool, err error) {
	s = &Spool{path: path, noted: noted{records: map[string]protocol.Record{}}}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("the agent's notes: %w", err)
	}
	was := ""
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		var n Note
		if json.Unmarshal(lines.Bytes(), &n) != nil {
			break // torn when the machine went down: what follows was never acted on
		}
		if n.Boot != "" {
			was = n.Boot
		}
		s.apply(n)
	}
	rebooted = was != "" && was != boot
	if s.boot = boot; rebooted {
		s.boot = was
	}
	if err := s.compact(); err != nil {
		return nil, false, fmt.Errorf("the agent's notes: %w", err)
	}
	return s, rebooted, nil
}

func (n *noted) apply(x Note) {
	switch {
	case x.Begun != "":
		n.records[x.Begun] = protocol.Record{ID: x.Begun, Host: x.Host}
	case x.Result != nil:
		n.records[x.Result.ID] = protocol.Record{ID: x.Result.ID, Host: x.Host, Result: x.Result}
	}
	for _, id := range x.Gone {
		delete(n.records, id)
		n.gone = append(n.gone, id)
	}
	if len(n.gone) > 2*Kept {
		n.gone = append([]string(nil), n.gone[len(n.gone)-Kept:]...)
	}
}

// All gives what is noted, for protocol.NewAgent.
func (n *noted) All() (out []protocol.Record) {
	for _, id := range n.gone {
		out = append(out, protocol.Record{ID: id, Gone: true})
	}
	for _, r := range n.records {
		out = append(out, r)
	}
	return out
}

// Record gives what is noted of an attempt; the zero value: nothing, or that it is done with.
func (n *noted) Record(id string) protocol.Record { return n.records[id] }

// compact writes the file anew.
func (s *Spool) compact() error {
	var b bytes.Buffer
	put := func(n Note) { b.Write(append(appendNote(b.AvailableBuffer(), n), '\n')) }
	put(Note{Boot: s.boot, Gone: s.gone[max(0, len(s.gone)-Kept):]})
	for _, r := range s.records {
		if r.Result == nil {
			put(Note{Begun: r.ID, Host: r.Host})
		} else {
			put(Note{Result: r.Result, Host: r.Host})
		}
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".notes-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if s.f != nil {
		_ = s.f.Close()
	}
	s.f, s.size = f, int64(b.Len())
	return nil
}

// Add notes things: in the file before anything is done about them. With sync they outlive the machine's power. After an
// error it notes nothing any more.
func (s *Spool) Add(sync bool, notes ...Note) error {
	if s.broken == nil {
		s.broken = s.write(sync, notes)
	}
	return s.broken
}

func (s *Spool) write(sync bool, notes []Note) error {
	s.line = s.line[:0]
	for _, n := range notes {
		s.line = append(appendNote(s.line, n), '\n')
		if n.Boot != "" {
			s.boot = n.Boot
		}
		s.apply(n)
	}
	n, err := s.f.Write(s.line)
	s.size += int64(n)
	if err == nil && sync {
		err = s.f.Sync()
	}
	if err == nil && s.size > compactFrom && s.size > 64*int64(len(s.records)+1) {
		err = s.compact()
	}
	return err
}

// Close closes the file.
func (s *Spool) Close() error { return s.f.Close() }

// appendNote appends one line of the notes, without its end.
func appendNote(b []byte, n Note) []byte {
	first := len(b)
	if n.Boot != "" {
		b = protocol.Append(append(b, `,"boot":`...), n.Boot)
	}
	if n.Begun != "" {
		b = protocol.Append(append(b, `,"begun":`...), n.Begun)
	}
	if n.Host != "" {
		b = protocol.Append(append(b, `,"host":`...), n.Host)
	}
	if n.Result != nil {
		b = protocol.Append(append(b, `,"result":`...), *n.Result)
	}
	if len(n.Gone) > 0 {
		b = protocol.Append(append(b, `,"gone":`...), n.Gone)
	}
	if len(b) == first {
		return append(b, "{}"...)
	}
	b[first] = '{'
	return append(b, '}')
}
