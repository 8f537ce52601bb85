// Package audio is the sound of speech: it reads and writes WAV files, listens to recordings of other forms by ffmpeg, and measures where
// somebody speaks and how loud.
package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Sound is mono audio.
type Sound struct {
	Rate    int       // samples per second
	Samples []float32 // between -1 and 1
}

// Seconds is how long it is.
func (s Sound) Seconds() float64 { return float64(len(s.Samples)) / float64(s.Rate) }

// MaxWAV is the largest file that is read: an hour of 16-bit mono at 48 kHz.
const MaxWAV = 3600 * 48000 * 2

const (
	formatPCM        = 1
	formatFloat      = 3
	formatExtensible = 0xfffe
)

// waveFormat is the fmt chunk.
type waveFormat struct {
	tag, channels, bits int
	rate                int
}

// ReadWAV reads RIFF WAVE files with 8, 16, 24 or 32 bit PCM or 32 bit float samples, and mixes channels into one.
// It trusts no size in the file: services that stream leave them open.
func ReadWAV(b []byte) (Sound, error) {
	if len(b) > MaxWAV {
		return Sound{}, fmt.Errorf("the audio is larger than %d MB", MaxWAV/1_000_000)
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return Sound{}, fmt.Errorf("the audio is no WAV file (it begins with %.12q)", b)
	}
	var f *waveFormat
	for rest := b[12:]; len(rest) >= 8; {
		id, size, body := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:8])), rest[8:]
		if size > int64(len(body)) || size == 0 && id == "data" {
			size = int64(len(body)) // cut off, or written before the length was known
		}
		switch id {
		case "fmt ":
			var err error
			if f, err = readFormat(body[:size]); err != nil {
				return Sound{}, err
			}
		case "data":
			if f == nil {
				return Sound{}, errors.New("the WAV file has samples before their format")
			}
			return f.decode(body[:size])
		}
		rest = body[min(int64(len(body)), size+size&1):]
	}
	return Sound{}, errors.New("the WAV file holds no samples")
}

func readFormat(b []byte) (*waveFormat, error) {
	if len(b) < 16 {
		return nil, errors.New("the WAV file's format is cut off")
	}
	f := &waveFormat{
		tag:      int(binary.LittleEndian.Uint16(b)),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == formatExtensible && len(b) >= 26 {
		f.tag = int(binary.LittleEndian.Uint16(b[24:]))
	}
	known := f.tag == formatPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32) || f.tag == formatFloat && f.bits == 32
	if !known || f.channels < 1 || f.channels > 16 || f.rate < 4000 || f.rate > 192_000 {
		return nil, fmt.Errorf("the WAV file's format is not one that is read here: format %d, %d bits, %d channels, %d Hz", f.tag, f.bits, f.channels, f.rate)
	}
	return f, nil
}

func (f *waveFormat) decode(b []byte) (Sound, error) {
	width := f.bits / 8
	n := len(b) / (width * f.channels)
	s := Sound{Rate: f.rate, Samples: make([]float32, n)}
	for i := range n {
		sum := float32(0)
		for c := range f.channels {
			sum += f.sample(b[(i*f.channels+c)*width:])
		}
		s.Samples[i] = sum / float32(f.channels)
	}
	return s, nil
}

func (f *waveFormat) sample(b []byte) float32 {
	switch {
	case f.tag == formatFloat:
		x := math.Float32frombits(binary.LittleEndian.Uint32(b))
		if math.IsNaN(float64(x)) {
			return 0
		}
		return max(-1, min(1, x))
	case f.bits == 8:
		return (float32(b[0]) - 128) / 128
	case f.bits == 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case f.bits == 24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	}
	return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
}

// WAV writes the sound as 16-bit PCM.
func (s Sound) WAV() []byte {
	size := 2 * len(s.Samples)
	b := make([]byte, 0, 44+size)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, formatPCM)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*s.Rate))
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for _, x := range s.Samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(float64(max(-1, min(1, x)))*32767))))
	}
	return b
}
