package mark

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

var mine = Mark{At: `run_01J/node.shot["a%2Fb"]/1`, Source: Generated}

// TestRealFiles marks what ffmpeg has made: what is seen and heard stays the same, bit by bit, and others read the mark, too.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is missing; install it: apt-get install ffmpeg")
		}
		t.Skip("ffmpeg is missing; install it: apt-get install ffmpeg")
	}
	film, sound := "-f lavfi -i testsrc=s=64x48:d=0.4 -f lavfi -i sine=d=0.4 ", "-f lavfi -i sine=d=0.4 "
	for name, c := range map[string]struct {
		args    string
		comment bool // ffprobe shows it
	}{
		"plain.mp4":     {film + "-c:v libx264 -c:a aac", true},
		"titled.mp4":    {film + "-c:v libx264 -c:a aac -metadata title=t -metadata comment=other -movflags +faststart", true},
		"fast.mp4":      {film + "-c:v libx264 -c:a aac -fflags +bitexact -movflags +faststart", true},
		"some.mov":      {film + "-c:v libx264 -c:a aac -movflags +faststart", false},
		"some.m4a":      {sound + "-c:a aac", true},
		"some.mkv":      {film + "-c:v libx264 -c:a aac", false},
		"some.webm":     {film + "-c:v libvpx -c:a libopus", false},
		"some.mp3":      {sound + "-c:a libmp3lame -metadata title=t", true},
		"old.mp3":       {sound + "-c:a libmp3lame -id3v2_version 3 -metadata title=t", true},
		"bare.mp3":      {sound + "-c:a libmp3lame -id3v2_version 0 -write_xing 0", true},
		"some.flac":     {sound + "-c:a flac -metadata title=t", true},
		"some.wav":      {sound, true},
		"odd.wav":       {sound + "-ac 1 -c:a pcm_u8 -t 0.00014", true},
		"some.png":      {"-f lavfi -i testsrc=s=64x48:d=1 -frames:v 1", false},
		"some.jpg":      {"-f lavfi -i testsrc=s=64x48:d=1 -frames:v 1 -pix_fmt yuvj420p", false},
		"some.webp":     {"-f lavfi -i testsrc=s=63x47:d=1 -frames:v 1 -c:v libwebp", false},
		"lossless.webp": {"-f lavfi -i testsrc=s=63x47:d=1 -frames:v 1 -c:v libwebp -lossless 1", false},
		"moving.webp":   {"-f lavfi -i testsrc=s=63x47:d=0.2 -c:v libwebp_anim", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := filepath.Join(t.TempDir(), name)
			run(t, "ffmpeg", strings.Fields("-v error "+c.args+" "+at)...)
			raw, err := os.ReadFile(at)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := into(t, raw, mine)
			if !ok {
				t.Fatal("it takes no mark")
			}
			after := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(after, got, 0o600); err != nil {
				t.Fatal(err)
			}
			if m, ok := Find(bytes.NewReader(got), int64(len(got))); !ok || m != mine {
				t.Errorf("found %+v %v", m, ok)
			}
			if _, again := into(t, got, Mark{At: "run_2/node.other/1"}); again {
				t.Error("it was marked twice")
			}
			if name != "moving.webp" { // ffmpeg reads none
				hash := "-v error -xerror -i %s -c copy -f streamhash -"
				if strings.HasPrefix(c.args, "-f lavfi -i testsrc") && strings.Contains(c.args, "-frames:v 1") { // the whole file is a frame
					hash = "-v error -xerror -i %s -f streamhash -"
				}
				was, is := run(t, "ffmpeg", strings.Fields(strings.Replace(hash, "%s", at, 1))...), run(t, "ffmpeg", strings.Fields(strings.Replace(hash, "%s", after, 1))...)
				if was != is || was == "" {
					t.Errorf("the streams were\n%s and are\n%s", was, is)
				}
				run(t, "ffmpeg", "-v", "error", "-xerror", "-i", after, "-f", "null", "-")
			}
			if tags := run(t, "ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", after); c.comment && !strings.Contains(tags, "comment="+mine.String()) {
				t.Errorf("ffprobe shows\n%s", tags)
			} else if strings.Contains(c.args, "title=t") && !strings.Contains(tags, "title=t") {
				t.Errorf("the title is gone\n%s", tags)
			}
			if source := "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"; !strings.Contains(name, ".mk") && !strings.Contains(name, ".webm") && !strings.Contains(name, ".flac") && !bytes.Contains(got, []byte(source)) {
				t.Error("no digitalSourceType")
			}
			for size := 0; size < min(len(raw), 4000); size += 17 { // what is cut off never panics
				into(t, raw[:size], mine)
			}
		})
	}
}

func into(t *testing.T, raw []byte, m Mark) ([]byte, bool) {
	t.Helper()
	r, ok := Into(bytes.NewReader(raw), int64(len(raw)), m)
	if !ok {
		return nil, false
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got, true
}

func TestFind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Mark{
		"":        {},
		"a story": {},
		"x Made by MySpinBot: run_1/node.a/2\x00":                                     {At: "run_1/node.a/2"},
		"Made by MySpinBot: run_1/node.a/2 (AI-generated)</rdf:li>":                   {"run_1/node.a/2", Generated},
		"Made by MySpinBot: run_1/node.a/2 (with AI-generated parts)\n":               {"run_1/node.a/2", Composite},
		"Made by MySpinBot: run_1/node.a/2":                                           {}, // it may go on
		strings.Repeat("x", 3*looked) + "Made by MySpinBot: run_1/node.a/2\x00":       {At: "run_1/node.a/2"},
		strings.Repeat("x", 2*looked) + mine.String() + strings.Repeat("y", 2*looked): {},
	} {
		if m, ok := Find(strings.NewReader(text), int64(len(text))); m != want || ok != (want.At != "") {
			t.Errorf("%.60q: %+v %v", text, m, ok)
		}
	}
}

// FuzzInto: whatever a node returns, marking never panics, and what is given can be read to its end and has the mark.
func FuzzInto(f *testing.F) {
	for _, w := range writers {
		f.Add([]byte(strings.Repeat("\x00", w.at) + w.magic + strings.Repeat("\x00", 40)))
	}
	f.Add([]byte("RIFF\x0c\x00\x00\x00WAVEdata\x00\x00\x00\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR0000000000000xxxx\x00\x00\x00\x00IDATxxxx"))
	f.Add([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x10moov\x00\x00\x00\x08udta"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, ok := into(t, raw, mine); ok && !bytes.Contains(got, []byte(prefix+mine.At)) {
			t.Errorf("%q has become %q", raw, got)
		}
	})
}
