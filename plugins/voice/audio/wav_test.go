package audio

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// wave makes a WAV file; format is what the fmt chunk holds, size what the data chunk claims.
func wave(format []byte, before string, size uint32, data []byte) []byte {
	le := binary.LittleEndian
	b := []byte("RIFF\xff\xff\xff\xffWAVE" + before + "fmt ")
	b = le.AppendUint32(b, uint32(len(format)))
	b = append(append(b, format...), "data"...)
	return append(le.AppendUint32(b, size), data...)
}

func format(tag, channels, rate, bits int, more ...byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = append(b, 0, 0, 0, 0, 0, 0) // bytes per second and per frame, which are not looked at
	return append(le.AppendUint16(b, uint16(bits)), more...)
}

func floats(xs ...float32) (b []byte) {
	for _, x := range xs {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func TestReadWAV(t *testing.T) {
	t.Parallel()
	pcm := format(formatPCM, 1, 8000, 16)
	half := []byte{0, 0x40, 0, 0xc0} // 0.5, -0.5
	extensible := append(make([]byte, 8), formatPCM, 0)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		wav  []byte
		want []float32
	}{
		"8 bit":              {wave(format(formatPCM, 1, 8000, 8), "", 2, []byte{192, 64}), []float32{0.5, -0.5}},
		"16 bit":             {wave(pcm, "", 4, half), []float32{0.5, -0.5}},
		"24 bit":             {wave(format(formatPCM, 1, 8000, 24), "", 6, []byte{0, 0, 0x40, 0, 0, 0xc0}), []float32{0.5, -0.5}},
		"32 bit":             {wave(format(formatPCM, 1, 8000, 32), "", 8, []byte{0, 0, 0, 0x40, 0, 0, 0, 0xc0}), []float32{0.5, -0.5}},
		"float":              {wave(format(formatFloat, 1, 8000, 32), "", 20, floats(0.5, -0.5, 7, nan, inf)), []float32{0.5, -0.5, 1, 0, 1}},
		"extensible":         {wave(format(formatExtensible, 1, 8000, 16, extensible...), "", 4, half), []float32{0.5, -0.5}},
		"stereo":             {wave(format(formatPCM, 2, 8000, 16), "", 4, []byte{0, 0x40, 0, 0x20}), []float32{0.375}},
		"other chunks":       {wave(pcm, "LIST\x03\x00\x00\x00abc\x00fact\x00\x00\x00\x00", 4, half), []float32{0.5, -0.5}},
		"size unknown":       {wave(pcm, "", math.MaxUint32, half), []float32{0.5, -0.5}},
		"size not filled in": {wave(pcm, "", 0, half), []float32{0.5, -0.5}},
		"half a sample":      {wave(pcm, "", 3, half[:3]), []float32{0.5}},
		"more behind":        {wave(pcm, "", 2, append(half[:2:2], "LIST\x00\x00\x00\x00"...)), []float32{0.5}},
		"nothing said":       {wave(pcm, "", 0, nil), nil},
	} {
		s, err := ReadWAV(c.wav)
		if err != nil || s.Rate != 8000 || len(s.Samples) != len(c.want) {
			t.Errorf("%s: got %v, %v", name, s, err)
			continue
		}
		for i, want := range c.want {
			if s.Samples[i] != want {
				t.Errorf("%s: got %v, want %v", name, s.Samples, c.want)
			}
		}
	}
}

func TestReadWAVRefuses(t *testing.T) {
	t.Parallel()
	for wav, want := range map[string]string{
		"":                                  "is no WAV file",
		"RIFF1234WAVX":                      "is no WAV file",
		"ID3\x04 an mp3 file":               `begins with "ID3\x04 an mp3`,
		"RIFF1234WAVE":                      "holds no samples",
		"RIFF1234WAVEdata\x02\x00\x00\x00x": "samples before their format",
		"RIFF1234WAVEfmt \x10\x00\x00\x00x": "format is cut off",
		string(wave(format(formatPCM, 0, 8000, 16), "", 0, nil)):   "0 channels",
		string(wave(format(formatPCM, 1, 0, 16), "", 0, nil)):      "0 Hz",
		string(wave(format(formatPCM, 1, 8000, 12), "", 0, nil)):   "12 bits",
		string(wave(format(formatFloat, 1, 8000, 16), "", 0, nil)): "format 3, 16 bits",
		string(wave(format(85, 1, 8000, 16), "", 0, nil)):          "format 85",
	} {
		if _, err := ReadWAV([]byte(wav)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", wav, err, want)
		}
	}
}

func TestWAVRoundTrip(t *testing.T) {
	t.Parallel()
	s := Sound{Rate: 22050, Samples: []float32{0, 0.25, -0.25, 1, -1, 3}}
	got, err := ReadWAV(s.WAV())
	if err != nil || got.Rate != 22050 || len(got.Samples) != len(s.Samples) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i, x := range s.Samples {
		if want := min(1, float64(x)); math.Abs(float64(got.Samples[i])-want) > 1e-4 {
			t.Errorf("sample %d: got %v, want %v", i, got.Samples[i], want)
		}
	}
}

// FuzzSound follows an engine's answer through all that is done to it.
func FuzzSound(f *testing.F) {
	f.Add(speech(0.3, 0.3, 0.1, 0.2).WAV())
	f.Add(wave(format(formatFloat, 2, 4000, 32), "", 0, floats(1, 0, 1)))
	f.Add(wave(format(formatPCM, 1, 192000, 8), "", 0, []byte{0, 1}))
	f.Fuzz(func(t *testing.T, wav []byte) {
		s, err := ReadWAV(wav)
		if err == nil {
			s, err = s.Polish()
		}
		if err != nil {
			return
		}
		at, end, pauses := s.Pauses()
		for _, p := range append(pauses, Pause{end, s.Seconds()}) {
			if !(p.Start >= at-1e-9 && p.End >= p.Start-1e-9 && p.End <= s.Seconds()+1e-9) {
				t.Fatalf("a pause at %v, after %v, in %v s", p, at, s.Seconds())
			}
			at = p.End
		}
	})
}
