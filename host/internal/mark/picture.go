package mark

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// maxSteps is how many pieces of a file are looked at before one is given up.
const maxSteps = 10_000

// png puts the XMP, and a comment, behind the head. A picture with an XMP packet of its own gets the comment only.
func png(f file, m Mark) (parts, bool) {
	const head = 8 + 25 // the signature and IHDR
	at, own := int64(8), false
	for range maxSteps {
		h := f.read(at, 8)
		if len(h) < 8 || at == 8 && string(h[4:]) != "IHDR" {
			return nil, false
		}
		switch string(h[4:]) {
		case "iTXt":
			own = own || bytes.HasPrefix(f.read(at+8, 32), []byte(pngXMP))
		case "IDAT":
			add := pngChunk("tEXt", "Comment\x00"+m.String())
			if !own {
				add = append(pngChunk("iTXt", pngXMP+"\x00\x00\x00\x00\x00"+m.xmp()), add...)
			}
			return parts{}.file(f, 0, head).bytes(add).file(f, head, f.size), true
		}
		at += 12 + int64(binary.BigEndian.Uint32(h))
	}
	return nil, false
}

const pngXMP = "XML:com.adobe.xmp"

func pngChunk(kind, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

const jpegXMP = "http://ns.adobe.com/xap/1.0/\x00"

// jpeg puts the XMP, and a comment, behind the JFIF and Exif heads. A picture with an XMP packet of its own gets the comment only.
func jpeg(f file, m Mark) (parts, bool) {
	at, put, own := int64(2), int64(2), false
	for range maxSteps {
		h := f.read(at, 4)
		if len(h) < 4 || h[0] != 0xff {
			return nil, false
		}
		size := int64(binary.BigEndian.Uint16(h[2:]))
		switch data := f.read(at+4, 64); {
		case h[1] == 0xe0, h[1] == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00")):
			if put == at {
				put = at + 2 + size
			}
		case h[1] == 0xe1:
			own = own || bytes.HasPrefix(data, []byte(jpegXMP))
		case h[1] == 0xda: // the picture begins
			add := jpegSegment(0xfe, m.String())
			if !own {
				add = append(jpegSegment(0xe1, jpegXMP+m.xmp()), add...)
			}
			return parts{}.file(f, 0, put).bytes(add).file(f, put, f.size), true
		}
		at += 2 + size
	}
	return nil, false
}

func jpegSegment(marker byte, data string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2))
	return append(b, data...)
}

// riff gives the chunks of a RIFF file, each with its head; false when they are not all of the file.
func riff(f file) (chunks []riffChunk, ok bool) {
	h := f.read(0, 12)
	if len(h) < 12 || string(h[:4]) != "RIFF" || int64(binary.LittleEndian.Uint32(h[4:]))+8 != f.size {
		return nil, false
	}
	for at := int64(12); at < f.size; {
		h := f.read(at, 8)
		if len(h) < 8 || len(chunks) == maxSteps {
			return nil, false
		}
		c := riffChunk{string(h[:4]), at, int64(binary.LittleEndian.Uint32(h[4:]))}
		chunks, at = append(chunks, c), at+8+c.size+c.size%2
		if at > f.size {
			return nil, false
		}
	}
	return chunks, len(chunks) > 0
}

type riffChunk struct {
	kind     string
	at, size int64 // without the head, and the byte that makes it even
}

func newChunk(kind, data string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data)))
	b = append(b, data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// riffWith gives the file with another begin of its chunks, and more behind them; from is where what stays begins.
func riffWith(f file, kind string, begin []byte, from int64, end []byte) (parts, bool) {
	size := 4 + int64(len(begin)) + f.size - from + int64(len(end))
	if size >= 1<<32-1 {
		return nil, false
	}
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(size))
	return parts{}.bytes(append(append(head, kind...), begin...)).file(f, from, f.size).bytes(end), true
}

// wav puts a comment and the XMP behind the sound.
func wav(f file, m Mark) (parts, bool) {
	if _, ok := riff(f); !ok {
		return nil, false
	}
	return riffWith(f, "WAVE", nil, 12, append(newChunk("LIST", "INFO"+string(newChunk("ICMT", m.String()+"\x00"))), newChunk("_PMX", m.xmp())...))
}

// webp puts the XMP behind the picture, whose extended head says so. One with an XMP packet of its own stays as it is.
func webp(f file, m Mark) (parts, bool) {
	const hasXMP, hasAlpha = 0x04, 0x10
	chunks, ok := riff(f)
	if !ok {
		return nil, false
	}
	first := chunks[0]
	head := f.read(first.at+8, 10)
	if len(head) < 10 {
		return nil, false
	}
	from := int64(12)
	extended := make([]byte, 10)
	switch {
	case first.kind == "VP8X" && first.size == 10 && head[0]&hasXMP == 0:
		copy(extended, head)
		from = first.at + 18
	case first.kind == "VP8 " && string(head[3:6]) == "\x9d\x01\x2a":
		canvas(extended, uint32(binary.LittleEndian.Uint16(head[6:])&0x3fff), uint32(binary.LittleEndian.Uint16(head[8:])&0x3fff))
	case first.kind == "VP8L" && head[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(head[1:])
		canvas(extended, bits&0x3fff+1, bits>>14&0x3fff+1)
		if bits>>28&1 == 1 {
			extended[0] = hasAlpha
		}
	default:
		return nil, false
	}
	extended[0] |= hasXMP
	return riffWith(f, "WEBP", newChunk("VP8X", string(extended)), from, newChunk("XMP ", m.xmp()))
}

// canvas writes the size of a picture into an extended head.
func canvas(head []byte, width, height uint32) {
	for k, n := range []uint32{width - 1, height - 1} {
		head[4+3*k], head[5+3*k], head[6+3*k] = byte(n), byte(n>>8), byte(n>>16)
	}
}
