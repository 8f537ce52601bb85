package metadata

import (
	"encoding/binary"
	"strings"
)

// maxBoxes bounds how many boxes are looked at.
const maxBoxes = 1 << 16

// mp4 reads the boxes of ISO media files (MP4, MOV, M4V).
type mp4 struct {
	texts Texts
	boxes int
	cut   bool
}

func readMP4(data []byte) (Texts, error) {
	m := mp4{}
	m.walk(data, 0)
	if m.cut && !m.texts.found() {
		return m.texts, cut("video", len(data))
	}
	return m.texts, nil
}

// box splits the first box off data: its type and body. A size of 0 means "to the end", 1 a size of 64 bits.
func (m *mp4) box(data []byte) (kind string, body, rest []byte, ok bool) {
	if m.boxes++; len(data) < 8 || m.boxes > maxBoxes {
		return "", nil, nil, false
	}
	size, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
	switch size {
	case 0:
		size = uint64(len(data))
	case 1:
		if len(data) < 16 {
			return "", nil, nil, false
		}
		size, head = binary.BigEndian.Uint64(data[8:]), 16
	}
	if size < head || size > uint64(len(data)) {
		m.cut = true
		return "", nil, nil, false
	}
	return string(data[4:8]), data[head:size], data[size:], true
}

// walk goes over boxes next to one another, and into those that lead to texts: moov, udta and meta.
func (m *mp4) walk(data []byte, depth int) {
	if depth > 4 {
		return
	}
	for {
		kind, body, rest, ok := m.box(data)
		if !ok {
			return
		}
		data = rest
		switch {
		case kind == "moov", kind == "udta":
			m.walk(body, depth+1)
		case kind == "meta":
			m.meta(body)
		case strings.HasPrefix(kind, "\xa9"):
			m.quickTime(kind, body)
		}
	}
}

// quickTime is the oldest form: a length and a language stand before the text.
func (m *mp4) quickTime(kind string, body []byte) {
	if len(body) < 4 {
		return
	}
	if n := int(binary.BigEndian.Uint16(body)); n <= len(body)-4 {
		m.texts.keep(nameOf(kind), body[4:4+n])
	}
}

// nameOf says what a four letter tag is called.
func nameOf(kind string) string {
	switch kind {
	case "\xa9cmt", "\xa9des", "desc", "ldes":
		return "comment"
	}
	return kind
}

// meta has a list of items; the items' names are four letters, or numbers of entries in keys.
func (m *mp4) meta(body []byte) {
	if len(body) >= 8 && string(body[4:8]) != "hdlr" { // version and flags, which QuickTime leaves out
		body = body[4:]
	}
	var keys []string
	for {
		kind, inner, rest, ok := m.box(body)
		if !ok {
			return
		}
		body = rest
		switch kind {
		case "keys":
			keys = m.keys(inner)
		case "ilst":
			m.items(inner, keys)
		}
	}
}

func (m *mp4) keys(data []byte) (names []string) {
	if len(data) < 8 {
		return nil
	}
	for data = data[8:]; ; {
		_, name, rest, ok := m.box(data)
		if !ok {
			return names
		}
		names, data = append(names, string(name)), rest
	}
}

func (m *mp4) items(data []byte, keys []string) {
	for {
		kind, body, rest, ok := m.box(data)
		if !ok {
			return
		}
		data = rest
		name := nameOf(kind)
		if i := binary.BigEndian.Uint32([]byte(kind)); i > 0 && uint64(i) <= uint64(len(keys)) {
			name = keys[i-1]
		}
		m.item(name, body)
	}
}

// item has its text in a data box; an item named ---- has its name in a name box.
func (m *mp4) item(name string, body []byte) {
	for {
		kind, inner, rest, ok := m.box(body)
		if !ok {
			return
		}
		body = rest
		switch {
		case kind == "name" && len(inner) >= 4:
			name = string(inner[4:])
		case kind == "data" && len(inner) >= 8:
			short := name[strings.LastIndexByte(name, '.')+1:] // com.apple.quicktime.comment
			m.texts.keep(short, inner[8:])
		}
	}
}
