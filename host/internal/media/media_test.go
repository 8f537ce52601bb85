package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func be(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func le(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case int: // that many zeros
			b = append(b, make([]byte, p)...)
		}
	}
	return b
}

func boxOf(kind string, parts ...any) []byte {
	content := join(parts...)
	return join(be(uint32(8+len(content))), kind, content)
}

func chunk(name string, parts ...any) []byte {
	content := join(parts...)
	return join(name, le(uint32(len(content))), content, len(content)%2)
}

func riff(form string, parts ...any) []byte {
	content := join(parts...)
	return join("RIFF", le(uint32(4+len(content))), form, content)
}

// tkhd of version 0; a turned track has the matrix of a quarter turn.
func tkhd(w, h uint32, turned bool) []byte {
	matrix := join(be(1<<16), 12, be(1<<16), 16)
	if turned {
		matrix = join(4, be(1<<16), 4, be(0xffff0000), 20)
	}
	return boxOf("tkhd", 40, matrix, be(w<<16), be(h<<16))
}

func track(kind string, head []byte) []byte {
	return boxOf("trak", head, boxOf("mdia", boxOf("hdlr", 8, kind, 12)))
}

func film(turned bool) []byte {
	return join(boxOf("ftyp", "isom", 4, "isommp41"), boxOf("mdat", 5000),
		boxOf("moov", boxOf("mvhd", 4, 8, be(600), be(20460), 80), track("soun", tkhd(0, 0, false)), track("vide", tkhd(1920, 1080, turned))))
}

func encoded(t *testing.T, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, 31, 17), color.Palette{color.Gray{}})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRead(t *testing.T) {
	t.Parallel()
	long := join(be(1), "mdat", be(0), be(16+100), 100) // a 64-bit size
	format := chunk("fmt ", 2, 2, le(24000), le(48000), 4)
	for name, c := range map[string]struct {
		kind string
		data []byte
		want Facts
	}{
		"png":  {"image/png", encoded(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) }), Facts{Width: 31, Height: 17}},
		"jpeg": {"image/jpeg", encoded(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }), Facts{Width: 31, Height: 17}},
		"jpeg on its side": {"image/jpeg", encoded(t, func(b *bytes.Buffer, m image.Image) error {
			var raw bytes.Buffer
			err := jpeg.Encode(&raw, m, nil)
			b.WriteString("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00")
			b.Write(raw.Bytes()[2:])
			return err
		}), Facts{Width: 17, Height: 31}},
		"gif":        {"image/gif", encoded(t, func(b *bytes.Buffer, m image.Image) error { return gif.Encode(b, m, nil) }), Facts{Width: 31, Height: 17}},
		"lossy":      {"image/webp", riff("WEBP", chunk("VP8 ", 3, "\x9d\x01\x2a", []byte{0x20, 0x43, 0xb0, 0x01}, 20)), Facts{Width: 800, Height: 432}},
		"lossless":   {"image/webp", riff("WEBP", chunk("VP8L", "\x2f", le(799|431<<14), 20)), Facts{Width: 800, Height: 432}},
		"extended":   {"image/webp", riff("WEBP", chunk("VP8X", 4, []byte{0x1f, 3, 0, 0xaf, 1, 0})), Facts{Width: 800, Height: 432}},
		"wav":        {"audio/wav", riff("WAVE", chunk("LIST", 5), format, chunk("data", 72000)), Facts{Duration: 1500 * time.Millisecond}},
		"wav piped":  {"audio/wav", join(riff("WAVE", format), "data", be(0xffffffff), 48000), Facts{Duration: time.Second}},
		"mp4":        {"video/mp4", film(false), Facts{Width: 1920, Height: 1080, Duration: 34100 * time.Millisecond}},
		"turned":     {"video/quicktime", film(true), Facts{Width: 1080, Height: 1920, Duration: 34100 * time.Millisecond}},
		"long box":   {"video/mp4", join(long, film(false)), Facts{Width: 1920, Height: 1080, Duration: 34100 * time.Millisecond}},
		"version 1":  {"video/mp4", boxOf("moov", boxOf("mvhd", "\x01", 3, 16, be(1000), be(0), be(2500), 80), boxOf("trak", boxOf("tkhd", "\x01", 51, be(1<<16), 12, be(1<<16), 16, be(64<<16), be(48<<16)), boxOf("mdia", boxOf("hdlr", 8, "vide")))), Facts{Width: 64, Height: 48, Duration: 2500 * time.Millisecond}},
		"fragments":  {"video/mp4", boxOf("moov", boxOf("mvhd", 12, be(1000), be(0), 80), boxOf("mvex", boxOf("mehd", 4, be(2500)))), Facts{Duration: 2500 * time.Millisecond}},
		"to the end": {"video/mp4", join(boxOf("ftyp"), be(0), "moov", boxOf("mvhd", 12, be(10), be(5), 80)), Facts{Duration: 500 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(bytes.NewReader(c.data), c.kind)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	whole := film(false)
	for name, c := range map[string]struct{ kind, data, want string }{
		"unknown":         {"text/plain", "hello", "MP4"},
		"empty":           {"audio/wav", "", "it ends too early"},
		"not a picture":   {"image/png", "hello", "unknown format"},
		"not RIFF":        {"audio/wav", strings.Repeat("x", 99), "RIFF"},
		"other RIFF":      {"audio/wav", string(riff("WEBP", chunk("VP8X", 10))), "WAVE"},
		"no sound":        {"audio/wav", string(riff("WAVE", chunk("fmt ", 16))), "it ends too early"},
		"no rate":         {"audio/wav", string(riff("WAVE", chunk("fmt ", 16), chunk("data", 10))), "how fast"},
		"sound cut":       {"audio/wav", string(riff("WAVE", chunk("fmt ", 8, le(1), 4), "data", le(10), 5)), "it ends too early"},
		"no picture":      {"image/webp", string(riff("WEBP", chunk("ICCP", 10))), "picture"},
		"film cut":        {"video/mp4", string(whole[:len(whole)-9]), "it ends too early"},
		"no movie":        {"video/mp4", string(boxOf("ftyp", "isom")), "no movie header"},
		"no scale":        {"video/mp4", string(boxOf("moov", boxOf("mvhd", 99))), "no scale"},
		"box too small":   {"video/mp4", string(join(be(7), "moov", 99)), "it ends too early"},
		"track too small": {"video/mp4", string(boxOf("moov", boxOf("trak", boxOf("tkhd", 50)))), "it ends too early"},
		"many boxes":      {"video/mp4", strings.Repeat(string(boxOf("free")), maxParts+1), "too many boxes"},
		"many chunks":     {"audio/wav", string(riff("WAVE", strings.Repeat(string(chunk("junk")), maxParts+1))), "too many chunks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(strings.NewReader(c.data), c.kind)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrUnknown) != (name == "unknown") {
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

// TestRealFiles compares with what ffmpeg was asked to make.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing; install it: apt-get install ffmpeg")
		}
		t.Skip("ffmpeg is missing; install it: apt-get install ffmpeg")
	}
	for file, c := range map[string]struct {
		kind string
		args string
		want Facts
	}{
		"a.mp4":    {"video/mp4", "-f lavfi -i testsrc=s=96x54:d=2.5:r=10 -f lavfi -i sine=d=2.5 -c:v mpeg4", Facts{96, 54, 2500 * time.Millisecond}},
		"fast.mp4": {"video/mp4", "-f lavfi -i testsrc=s=96x54:d=1:r=10 -c:v mpeg4 -movflags +faststart", Facts{96, 54, time.Second}},
		"a.mov":    {"video/quicktime", "-f lavfi -i testsrc=s=96x54:d=1:r=10 -c:v mpeg4", Facts{96, 54, time.Second}},
		"a.m4a":    {"audio/mp4", "-f lavfi -i sine=d=2", Facts{0, 0, 2 * time.Second}},
		"a.wav":    {"audio/wav", "-f lavfi -i sine=d=1.25", Facts{0, 0, 1250 * time.Millisecond}},
		"a.jpg":    {"image/jpeg", "-f lavfi -i testsrc=s=96x54:d=1 -frames:v 1", Facts{96, 54, 0}},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), file)
			args := append(strings.Fields("-v error -y "+c.args), path)
			if out, err := exec.CommandContext(t.Context(), ffmpeg, args...).CombinedOutput(); err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, out)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := Read(f, c.kind)
			near := (got.Duration - c.want.Duration).Abs() < 60*time.Millisecond // sound is cut in frames
			if err != nil || got.Width != c.want.Width || got.Height != c.want.Height || !near {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

// FuzzRead: whatever the bytes, it ends, without a panic and with a sane answer.
func FuzzRead(f *testing.F) {
	f.Add("video/mp4", film(true))
	f.Add("audio/wav", riff("WAVE", chunk("fmt ", 8, le(2), 4), chunk("data", 10)))
	f.Add("image/webp", riff("WEBP", chunk("VP8X", 10)))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		got, err := Read(bytes.NewReader(data), kind)
		if got.Width < 0 || got.Height < 0 || got.Duration < 0 || err != nil && got != (Facts{}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
