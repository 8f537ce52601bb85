package mark

import (
	"encoding/binary"
	"slices"
)

// maxMoov is how big the description of a film may be that is read.
const maxMoov = 64 << 20

// mp4 puts a comment into the description of the film, and the XMP behind everything. Where the description comes before the pictures, all
// places in it move.
func mp4(f file, m Mark) (parts, bool) {
	var moov struct{ at, size int64 }
	for at, n := int64(0), 0; at < f.size; n++ {
		h := f.read(at, 16)
		if len(h) < 8 || n == maxSteps {
			return nil, false
		}
		size := int64(binary.BigEndian.Uint32(h))
		if size == 1 && len(h) == 16 {
			size = int64(binary.BigEndian.Uint64(h[8:]))
		}
		switch kind := string(h[4:8]); {
		case size < 8 || size > f.size-at, kind == "mfra", kind == "moof": // it goes on to the end, or has places that are not understood here
			return nil, false
		case kind == "moov":
			moov.at, moov.size = at, size
		}
		at += size
	}
	if moov.size < 8 || moov.size > maxMoov {
		return nil, false
	}
	old := f.read(moov.at, moov.size)
	film, ok := boxes(old[8:])
	if !ok {
		return nil, false
	}
	film = commented(film, m)
	described := box("moov", film.bytes())
	by := int64(len(described)) - moov.size
	if !film.shift(moov.at, by) {
		return nil, false
	}
	xmp := box("uuid", append([]byte("\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"), m.xmp()...))
	return parts{}.file(f, 0, moov.at).bytes(box("moov", film.bytes())).file(f, moov.at+moov.size, f.size).bytes(xmp), true
}

// a list of boxes.
type boxList []mp4Box

type mp4Box struct {
	kind string
	data []byte
}

func box(kind string, data []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(data))), kind...), data...)
}

func boxes(data []byte) (out boxList, ok bool) {
	for len(data) > 0 {
		if len(data) < 8 {
			return out, len(data) == 4 && binary.BigEndian.Uint32(data) == 0 // QuickTime's end of a list
		}
		size := int64(binary.BigEndian.Uint32(data))
		if size < 8 || size > int64(len(data)) {
			return nil, false
		}
		out = append(out, mp4Box{string(data[4:8]), slices.Clone(data[8:size])})
		data = data[size:]
	}
	return out, true
}

func (l boxList) bytes() (out []byte) {
	for _, b := range l {
		out = append(out, box(b.kind, b.data)...)
	}
	return out
}

func (l boxList) find(kind string) int {
	return slices.IndexFunc(l, func(b mp4Box) bool { return b.kind == kind })
}

// iTunes' list of texts lies in udta/meta/ilst, and meta has a version in front.
const (
	metaHead    = "\x00\x00\x00\x00"
	metaHandler = "\x00\x00\x00\x00\x00\x00\x00\x00mdirappl\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	comment     = "\xa9cmt"
)

// commented gives a film with a comment, which takes the place of another. What is not understood stays as it is, without one.
func commented(film boxList, m Mark) boxList {
	text := box("data", append([]byte("\x00\x00\x00\x01\x00\x00\x00\x00"), m.String()...))
	var udta, meta, ilst boxList
	ok := true
	k := film.find("udta")
	if k >= 0 {
		udta, ok = boxes(film[k].data)
	}
	j := udta.find("meta")
	if ok && j >= 0 {
		if data := udta[j].data; len(data) >= 4 && string(data[:4]) == metaHead {
			meta, ok = boxes(data[4:])
		} else {
			ok = false
		}
	}
	i := meta.find("ilst")
	if ok && i >= 0 {
		ilst, ok = boxes(meta[i].data)
	}
	if !ok {
		return film
	}
	ilst = append(slices.DeleteFunc(ilst, func(b mp4Box) bool { return b.kind == comment }), mp4Box{comment, text})
	if meta == nil {
		meta = boxList{{"hdlr", []byte(metaHandler)}}
	}
	meta = meta.with(i, mp4Box{"ilst", ilst.bytes()})
	udta = udta.with(j, mp4Box{"meta", append([]byte(metaHead), meta.bytes()...)})
	return film.with(k, mp4Box{"udta", udta.bytes()})
}

// with replaces the k-th box; below zero it adds one.
func (l boxList) with(k int, b mp4Box) boxList {
	if k < 0 {
		return append(l, b)
	}
	l[k] = b
	return l
}

// shift moves the places in the file that the tracks name, those behind from. It says whether it understood them.
func (l boxList) shift(from, by int64) bool {
	for k := range l {
		switch b := &l[k]; b.kind {
		case "trak", "mdia", "minf", "stbl":
			inner, ok := boxes(b.data)
			if !ok || !inner.shift(from, by) {
				return false
			}
			b.data = inner.bytes()
		case "stco", "co64":
			if !shiftPlaces(b.data, b.kind == "co64", from, by) {
				return false
			}
		}
	}
	return true
}

func shiftPlaces(data []byte, wide bool, from, by int64) bool {
	width := 4
	if wide {
		width = 8
	}
	if len(data) < 8 || int64(binary.BigEndian.Uint32(data[4:]))*int64(width) != int64(len(data)-8) {
		return false
	}
	for at := 8; at < len(data); at += width {
		if wide {
			if place := int64(binary.BigEndian.Uint64(data[at:])); place > from {
				binary.BigEndian.PutUint64(data[at:], uint64(place+by))
			}
			continue
		}
		place := int64(binary.BigEndian.Uint32(data[at:]))
		if place > from {
			if place+by >= 1<<32 {
				return false
			}
			binary.BigEndian.PutUint32(data[at:], uint32(place+by))
		}
	}
	return true
}

// The elements of Matroska that are needed here.
const (
	segmentID = "\x18\x53\x80\x67"
	tagsID    = "\x12\x54\xc3\x67"
)

// matroska puts a comment behind everything else of the segment.
func matroska(f file, m Mark) (parts, bool) {
	size, width, ok := ebmlSize(f.read(4, 8))
	at := 4 + width + size
	if !ok || string(f.read(at, 4)) != segmentID {
		return nil, false
	}
	length, width, ok := ebmlSize(f.read(at+4, 8))
	from := at + 4 + width
	if !ok || from+length != f.size {
		return nil, false
	}
	simple := element("\x67\xc8", element("\x45\xa3", "COMMENT")+element("\x44\x87", m.String()))
	tags := element(tagsID, element("\x73\x73", element("\x63\xc0", "")+simple))
	length += int64(len(tags))
	if length >= 1<<(7*width)-1 {
		return nil, false
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(length)|1<<(7*width))[8-width:]
	return parts{}.file(f, 0, at+4).bytes(head).file(f, from, f.size).bytes([]byte(tags)), true
}

// ebmlSize reads a length, and how many bytes it has; false for an unknown one.
func ebmlSize(b []byte) (n, width int64, ok bool) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0, false
	}
	for width = 1; b[0]&(0x80>>(width-1)) == 0; width++ {
	}
	if int64(len(b)) < width {
		return 0, 0, false
	}
	n = int64(b[0]) & (0x80>>(width-1) - 1)
	for _, x := range b[1:width] {
		n = n<<8 | int64(x)
	}
	return n, width, n != 1<<(7*width)-1
}

// element is one of Matroska, of less than 256 MiB.
func element(id, data string) string {
	n := len(data)
	return id + string([]byte{0x10 | byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)}) + data
}
