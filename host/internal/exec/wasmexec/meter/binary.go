package meter

import (
	"encoding/binary"
)

// A reader takes a module apart. After the first thing that is cut off or too long it gives zeros.
type reader struct {
	b      []byte
	at     int
	failed bool
}

func (r *reader) more() bool { return !r.failed && r.at < len(r.b) }

func (r *reader) fail() {
	r.failed, r.at = true, len(r.b)
}

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		r.fail()
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *reader) skip(n int) {
	if n < 0 || n > len(r.b)-r.at {
		r.fail()
		return
	}
	r.at += n
}

func (r *reader) bytes(n uint32) []byte {
	from := r.at
	if r.skip(int(n)); r.failed {
		return nil
	}
	return r.b[from:r.at]
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (r *reader) u32() uint32 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint32(r.b[r.at-1])
	}
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				r.fail()
			}
			return uint32(v)
		}
	}
	r.fail()
	return 0
}

// s32 reads a signed LEB128 of at most 32 bits.
func (r *reader) s32() int32 {
	var v int64
	for shift := 0; shift < 35; {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		shift += 7
		if c < 0x80 {
			if c&0x40 != 0 {
				v -= 1 << shift
			}
			if v != int64(int32(v)) {
				r.fail()
			}
			return int32(v)
		}
	}
	r.fail()
	return 0
}

// leb skips a LEB128 of at most 64 bits.
func (r *reader) leb() {
	for range 10 {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail()
}

// sub gives a reader of the next n bytes.
func (r *reader) sub(n uint32) reader { return reader{b: r.bytes(n), failed: r.failed} }

func (r *reader) name() string { return string(r.bytes(r.u32())) }

func appendU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

func appendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte { return append(appendU32(b, uint32(len(s))), s...) }

func appendSized(b, content []byte) []byte {
	return append(appendU32(b, uint32(len(content))), content...)
}
