package sumvfs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
)

// The sizes in bytes of the headers in SQLite's log: https://sqlite.org/fileformat.html#the_write_ahead_log
const (
	logHeader   = 32
	frameHeader = 24
	frameSize   = frameHeader + PageSize
)

// generation tells one filling of the log from the next: its salts. The first counts up.
type generation struct{ salt1, salt2 uint32 }

func generationOf(header []byte) generation {
	return generation{binary.BigEndian.Uint32(header[16:]), binary.BigEndian.Uint32(header[20:])}
}

// before says whether g was filled earlier than other, in the same log and not too long ago.
func (g generation) before(other generation) bool {
	later := other.salt1 - g.salt1
	return later > 0 && later < 1<<20
}

// logState is what of a log can be read.
type logState struct {
	size  int64
	valid bool // its header is
	gen   generation
	end   int64 // of the last whole commit
	first bool  // page 1 is in it
}

// readLog follows the log as SQLite does. An absent one has size 0.
func readLog(path string) (logState, error) {
	var l logState
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return l, err
	}
	l.size = info.Size()
	return l, l.follow(bufio.NewReaderSize(f, 1<<20))
}

func (l *logState) follow(r io.Reader) error {
	header := make([]byte, logHeader)
	if _, err := io.ReadFull(r, header); err != nil {
		return unlessShort(err)
	}
	be := binary.BigEndian
	kind := be.Uint32(header)
	sum := logSum{order: binary.LittleEndian}
	if kind&1 != 0 {
		sum.order = be
	}
	sum.add(header[:24])
	if kind&^1 != 0x377f0682 || be.Uint32(header[8:]) != PageSize || !sum.is(header[24:]) {
		return nil
	}
	l.valid, l.gen, l.end = true, generationOf(header), logHeader
	frame, first := make([]byte, frameSize), false
	for at := int64(logHeader); ; at += frameSize {
		if _, err := io.ReadFull(r, frame); err != nil {
			return unlessShort(err)
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeader:])
		gen := generation{be.Uint32(frame[8:]), be.Uint32(frame[12:])}
		if gen != l.gen || !sum.is(frame[16:]) {
			return nil
		}
		first = first || be.Uint32(frame) == 1
		if be.Uint32(frame[4:]) != 0 { // a commit
			l.end, l.first = at+frameSize, first
		}
	}
}

func unlessShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// index is what the shared memory says of the log. Its header is there twice, for readers that come while it is
// written: https://sqlite.org/walformat.html
type index struct {
	gen    generation
	frames uint32 // committed ones
	copied uint32 // of those, into the database
}

const (
	indexVersion = 3007000
	indexHeader  = 48
	atCopied     = 2 * indexHeader
)

// readIndex gives nothing when the index is absent or unreadable: the log goes unchecked then.
func readIndex(path string) (index, error) {
	raw := make([]byte, atCopied+4)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return index{}, nil
	}
	if err != nil {
		return index{}, err
	}
	defer f.Close()
	if _, err := io.ReadFull(f, raw); err != nil {
		return index{}, unlessShort(err)
	}
	ne, be := binary.NativeEndian, binary.BigEndian
	for _, h := range [][]byte{raw[:indexHeader], raw[indexHeader:atCopied]} {
		sum := logSum{order: ne}
		sum.add(h[:40])
		if ne.Uint32(h) == indexVersion && h[12] == 1 && ne.Uint32(h[40:]) == sum.s0 && ne.Uint32(h[44:]) == sum.s1 {
			return index{generation{be.Uint32(h[32:]), be.Uint32(h[36:])}, ne.Uint32(h[16:]), ne.Uint32(raw[atCopied:])}, nil
		}
	}
	return index{}, nil
}

// logSum is the running checksum of SQLite's log.
type logSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (s *logSum) add(b []byte) {
	for ; len(b) > 0; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
}

func (s *logSum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == s.s0 && binary.BigEndian.Uint32(stored[4:]) == s.s1
}
