package music

import (
	"bufio"
	"encoding/binary"
	"io"
)

// WriteWAV writes the loop as 16-bit stereo.
func (l *Loop) WriteWAV(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	size := uint32(len(l.Left) * 4)
	le := binary.LittleEndian
	h := append([]byte("RIFF"), le.AppendUint32(nil, 36+size)...)
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, 1) // PCM
	h = le.AppendUint16(h, 2) // channels
	h = le.AppendUint32(h, Rate)
	h = le.AppendUint32(h, Rate*4)
	h = le.AppendUint16(h, 4)
	h = le.AppendUint16(h, 16)
	h = append(h, "data"...)
	h = le.AppendUint32(h, size)
	if _, err := b.Write(h); err != nil {
		return err
	}
	var s [4]byte
	for i := range l.Left {
		le.PutUint16(s[:2], sample(l.Left[i]))
		le.PutUint16(s[2:], sample(l.Right[i]))
		if _, err := b.Write(s[:]); err != nil {
			return err
		}
	}
	return b.Flush()
}

func sample(x float32) uint16 { return uint16(int16(max(-1, min(1, x)) * 32767)) }
