package fleet

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

// spool is what an agent notes of attempts on its disk, so that another process of it goes on from there: a line for each
// that it begins, for each result, and for those that hosts are done with. The end of the file may be torn.
type spool struct {
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

// note is one line.
type note struct {
	Boot   string           `json:"boot,omitempty"` // of the machine: the first line
	Begun  string           `json:"begun,omitempty"`
	Host   string           `json:"host,omitempty"`
	Result *protocol.Result `json:"result,omitempty"`
	Gone   []string         `json:"gone,omitempty"`
}

const (
	keptGone    = 10_000
	compactFrom = 4 << 20
)

// openSpool reads what was noted and begins the file anew without what is done with. rebooted says that the machine was
// started since: the last notes may be missing. It is said again until the new boot is noted.
func openSpool(path, boot string) (s *spool, rebooted bool, err error) {
	s = &spool{path: path, noted: noted{records: map[string]protocol.Record{}}}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("the agent's notes: %w", err)
	}
	was := ""
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		var n note
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

func (n *noted) apply(x note) {
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
	if len(n.gone) > 2*keptGone {
		n.gone = append([]string(nil), n.gone[len(n.gone)-keptGone:]...)
	}
}

// all gives what is noted, for protocol.NewAgent.
func (n *noted) all() (out []protocol.Record) {
	for _, id := range n.gone {
		out = append(out, protocol.Record{ID: id, Gone: true})
	}
	for _, r := range n.records {
		out = append(out, r)
	}
	return out
}

// compact writes the file anew.
func (s *spool) compact() error {
	var b bytes.Buffer
	put := func(n note) { b.Write(append(appendNote(b.AvailableBuffer(), n), '\n')) }
	put(note{Boot: s.boot, Gone: s.gone[max(0, len(s.gone)-keptGone):]})
	for _, r := range s.records {
		if r.Result == nil {
			put(note{Begun: r.ID, Host: r.Host})
		} else {
			put(note{Result: r.Result, Host: r.Host})
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

// add notes things: in the file before anything is done about them. With sync they outlive the machine's power. After an
// error it notes nothing any more.
func (s *spool) add(sync bool, notes ...note) error {
	if s.broken == nil {
		s.broken = s.write(sync, notes)
	}
	return s.broken
}

func (s *spool) write(sync bool, notes []note) error {
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

func (s *spool) close() error { return s.f.Close() }
