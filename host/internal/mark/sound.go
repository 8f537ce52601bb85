package mark

import (
	"encoding/binary"
)

// mp3 puts a comment and the XMP into the ID3 tag, or makes one.
func mp3(f file, m Mark) (parts, bool) {
	head := f.read(0, 10)
	if len(head) < 10 {
		return nil, false
	}
	version, size, from := byte(4), 0, int64(0)
	if string(head[:3]) == "ID3" {
		version, size, from = head[3], unsafed(head[6:]), 10
		if version != 3 && version != 4 || head[5] != 0 || int64(size)+10 > f.size {
			return nil, false
		}
	}
	frames := append(id3(version, "COMM", "\x00eng\x00"+m.String()), id3(version, "PRIV", "XMP\x00"+m.xmp())...)
	size += len(frames)
	if size >= 1<<28 {
		return nil, false
	}
	tag := append([]byte{'I', 'D', '3', version, 0, 0}, safed(size)...)
	return parts{}.bytes(append(tag, frames...)).file(f, from, f.size), true
}

// id3 is one frame of an ID3 tag.
func id3(version byte, kind, data string) []byte {
	size := safed(len(data))
	if version == 3 {
		size = binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	}
	return append(append(append([]byte(kind), size...), 0, 0), data...)
}

// safed writes a number in bytes of seven bits.
func safed(n int) []byte {
	return []byte{byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}
}

func unsafed(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}

// flac puts a comment among the others, or behind the first block.
func flac(f file, m Mark) (parts, bool) {
	const comments, last = 4, 0x80
	comment := "comment=" + m.String()
	text := append(binary.LittleEndian.AppendUint32(nil, uint32(len(comment))), comment...)
	first := int64(0)
	for at := int64(4); ; {
		h := f.read(at, 4)
		if len(h) < 4 {
			return nil, false
		}
		size := int64(h[1])<<16 | int64(h[2])<<8 | int64(h[3])
		next := at + 4 + size
		if first == 0 {
			first = next
		}
		if h[0]&^last == comments {
			block := f.read(at+4, size)
			if len(block) < 8 {
				return nil, false
			}
			vendor := int(binary.LittleEndian.Uint32(block))
			if vendor < 0 || vendor > len(block)-8 {
				return nil, false
			}
			n := binary.LittleEndian.Uint32(block[4+vendor:])
			out := binary.LittleEndian.AppendUint32(append([]byte{}, block[:4+vendor]...), n+1)
			out = append(append(out, text...), block[8+vendor:]...)
			return parts{}.file(f, 0, at).bytes(append(flacHead(h[0], len(out)), out...)).file(f, next, f.size), true
		}
		if h[0]&last != 0 {
			break
		}
		at = next
	}
	h := f.read(4, 1)
	block := append(binary.LittleEndian.AppendUint32([]byte("\x09\x00\x00\x00MySpinBot"), 1), text...)
	out := append(flacHead(h[0]&last|comments, len(block)), block...)
	return parts{}.file(f, 0, 4).bytes([]byte{h[0] &^ last}).file(f, 5, first).bytes(out).file(f, first, f.size), true
}

func flacHead(kind byte, size int) []byte {
	return []byte{kind, byte(size >> 16), byte(size >> 8), byte(size)}
}
