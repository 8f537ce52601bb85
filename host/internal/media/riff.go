package media

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// maxParts is how many chunks or boxes of a file are looked at; no file that plays has as many before what is wanted.
const maxParts = 10_000

// chunks walks the chunks of a RIFF file of a form. fn gets each chunk's name and size with r at its content, and says
// whether it has seen enough.
func chunks(r io.ReadSeeker, form string, fn func(name string, size int64) (done bool, err error)) error {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != form {
		return errors.New("its head is not that of a RIFF file with " + form)
	}
	at := int64(len(head))
	for range maxParts {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			return err
		}
		var c [8]byte
		if _, err := io.ReadFull(r, c[:]); err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(c[4:]))
		done, err := fn(string(c[:4]), size)
		if done || err != nil {
			return err
		}
		at += 8 + size + size&1
	}
	return errors.New("it has too many chunks")
}

// wav takes the duration from the bytes a second and the bytes of sound. A program that wrote to a pipe could not know
// those: then all that follows is sound.
func wav(r io.ReadSeeker) (f Facts, err error) {
	var rate, sound int64
	err = chunks(r, "WAVE", func(name string, size int64) (bool, error) {
		switch name {
		case "fmt ":
			var b [12]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return false, err
			}
			rate = int64(binary.LittleEndian.Uint32(b[8:]))
		case "data":
			from, err := r.Seek(0, io.SeekCurrent)
			if err != nil {
				return false, err
			}
			end, err := r.Seek(0, io.SeekEnd)
			sound = end - from
			if size > 0 && size < 0xffffff00 {
				if size > sound {
					return false, io.ErrUnexpectedEOF
				}
				sound = size
			}
			return true, err
		}
		return false, nil
	})
	if err == nil && rate == 0 {
		err = errors.New("it does not say how fast it is to be played")
	}
	if err != nil {
		return Facts{}, err
	}
	return Facts{Duration: ratio(sound, rate)}, nil
}

// ratio is units at a rate a second, as a duration, without overflow.
func ratio(units, rate int64) time.Duration {
	whole := units / rate
	if whole > int64(1<<62)/int64(time.Second) {
		return 0
	}
	return time.Duration(whole)*time.Second + time.Duration(float64(units%rate)/float64(rate)*float64(time.Second))
}

// webp takes the size from the first chunk: that of a lossy, a lossless or an extended picture.
func webp(r io.ReadSeeker) (f Facts, err error) {
	err = chunks(r, "WEBP", func(name string, _ int64) (bool, error) {
		var b [10]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return false, err
		}
		switch name {
		case "VP8 ":
			f = Facts{Width: int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), Height: int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)}
		case "VP8L":
			bits := binary.LittleEndian.Uint32(b[1:])
			f = Facts{Width: int(bits&0x3fff) + 1, Height: int(bits>>14&0x3fff) + 1}
		case "VP8X":
			f = Facts{Width: 1 + int(b[4]) + int(b[5])<<8 + int(b[6])<<16, Height: 1 + int(b[7]) + int(b[8])<<8 + int(b[9])<<16}
		default:
			return false, errors.New("it does not begin with a picture")
		}
		return true, nil
	})
	return f, err
}
