package media

import (
	"encoding/binary"
	"errors"
	"io"
)

// movie is what mp4 gathers on its way through the boxes.
type movie struct {
	r     io.ReadSeeker
	left  int // boxes that may still be looked at
	facts Facts
	scale int64 // units of time a second; 0 before the movie's header was read
	track Facts
	video bool // the track at hand shows pictures
}

// box is one box of the file: its kind, and where its content begins and ends.
type box struct {
	kind     string
	from, to int64
}

// mp4 reads the movie's header for its duration, and that of the first track with pictures for their size.
func mp4(r io.ReadSeeker) (Facts, error) {
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return Facts{}, err
	}
	m := &movie{r: r, left: maxParts}
	err = m.each(0, end, func(b box) error {
		if b.kind != "moov" {
			return nil
		}
		return m.each(b.from, b.to, m.header)
	})
	if err == nil && m.scale == 0 {
		err = errors.New("there is no movie header in it")
	}
	return m.facts, err
}

// each walks the boxes between two places.
func (m *movie) each(from, to int64, fn func(box) error) error {
	for from < to {
		if m.left--; m.left < 0 {
			return errors.New("it has too many boxes")
		}
		b, err := m.next(from, to)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
		from = b.to
	}
	return nil
}

func (m *movie) next(from, to int64) (box, error) {
	head, err := m.read(from, to, 8)
	if err != nil {
		return box{}, err
	}
	size, begin := int64(binary.BigEndian.Uint32(head)), from+8
	switch size {
	case 0: // to the end
		size = to - from
	case 1:
		long, err := m.read(begin, to, 8)
		if err != nil {
			return box{}, err
		}
		size, begin = int64(binary.BigEndian.Uint64(long)), begin+8
	}
	if size < begin-from || size > to-from {
		return box{}, io.ErrUnexpectedEOF
	}
	return box{kind: string(head[4:]), from: begin, to: from + size}, nil
}

// read gives n bytes at a place, which must end before another.
func (m *movie) read(at, to int64, n int) ([]byte, error) {
	if at+int64(n) > to {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := m.r.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(m.r, b)
	return b, err
}

// header takes in a box within moov, at whatever depth.
func (m *movie) header(b box) error {
	switch b.kind {
	case "mvhd":
		return m.length(b)
	case "mehd":
		return m.fragments(b)
	case "mvex", "mdia":
		return m.each(b.from, b.to, m.header)
	case "trak":
		m.track, m.video = Facts{}, false
		err := m.each(b.from, b.to, m.header)
		if m.video && m.facts.Width == 0 {
			m.facts.Width, m.facts.Height = m.track.Width, m.track.Height
		}
		return err
	case "hdlr":
		h, err := m.read(b.from, b.to, 12)
		m.video = err == nil && string(h[8:]) == "vide"
		return err
	case "tkhd":
		return m.size(b)
	}
	return nil
}

// times is how many bytes a time has in the box.
func (m *movie) times(b box) (int, error) {
	version, err := m.read(b.from, b.to, 1)
	if err != nil || version[0] == 0 {
		return 4, err
	}
	return 8, nil
}

func (m *movie) length(b box) error {
	n, err := m.times(b)
	if err != nil {
		return err
	}
	d, err := m.read(b.from+4, b.to, 3*n+4) // created, changed, scale, duration
	if err != nil {
		return err
	}
	if m.scale = int64(binary.BigEndian.Uint32(d[2*n:])); m.scale == 0 {
		return errors.New("its time has no scale")
	}
	m.facts.Duration = ratio(number(d[2*n+4:]), m.scale)
	return nil
}

// fragments reads the length of a film in fragments, whose mvhd says 0.
func (m *movie) fragments(b box) error {
	n, err := m.times(b)
	if err != nil || m.scale == 0 {
		return err
	}
	d, err := m.read(b.from+4, b.to, n)
	if err == nil {
		m.facts.Duration = ratio(number(d), m.scale)
	}
	return err
}

func number(b []byte) int64 {
	if len(b) == 4 {
		return int64(binary.BigEndian.Uint32(b))
	}
	return int64(binary.BigEndian.Uint64(b) & (1<<63 - 1))
}

// size reads how large a track is shown; its matrix may turn it.
func (m *movie) size(b box) error {
	h, err := m.read(b.from, b.to, int(min(b.to-b.from, 96)))
	if err != nil || len(h) == 0 {
		return err
	}
	at := 40
	if h[0] == 1 {
		at = 52
	}
	if len(h) < at+44 {
		return io.ErrUnexpectedEOF
	}
	cell := func(i int) uint32 { return binary.BigEndian.Uint32(h[at+4*i:]) }
	m.track = Facts{Width: int(cell(9) >> 16), Height: int(cell(10) >> 16)}
	if cell(0) == 0 && cell(4) == 0 && cell(1) != 0 {
		m.track.Width, m.track.Height = m.track.Height, m.track.Width
	}
	return nil
}
