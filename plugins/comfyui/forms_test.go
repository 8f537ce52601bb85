package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/sdk"
)

// withText is a PNG with a text of a name in it.
func withText(name, text string) []byte {
	body := "tEXt" + name + "\x00" + text
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	chunk = binary.BigEndian.AppendUint32(append(chunk, body...), crc32.ChecksumIEEE([]byte(body)))
	head := strings.Index(dot, "IDAT") - 4
	return []byte(dot[:head] + string(chunk) + dot[head:])
}

// webp is one with a text in its EXIF, as ComfyUI writes it.
func webp(text string) []byte {
	text += "\x00"
	le := binary.LittleEndian
	exif := append([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x0f\x01\x02\x00"), le.AppendUint32(le.AppendUint32(nil, uint32(len(text))), 26)...)
	exif = append(append(exif, 0, 0, 0, 0), text...)
	if len(exif)%2 == 1 {
		exif = append(exif, 0)
	}
	chunk := "EXIF" + string(le.AppendUint32(nil, uint32(len(exif)))) + string(exif)
	return []byte("RIFF" + string(le.AppendUint32(nil, uint32(4+len(chunk)))) + "WEBP" + chunk)
}

// mp4 is one with a comment, as video nodes write it.
func mp4(comment string) []byte {
	box := func(kind string, bodies ...string) string {
		body := strings.Join(bodies, "")
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
	}
	data := box("data", "\x00\x00\x00\x01\x00\x00\x00\x00", comment)
	meta := box("meta", "\x00\x00\x00\x00", box("hdlr", "00000000mdta"), box("ilst", box("\xa9cmt", data)))
	return []byte(box("ftyp", "isom0000") + box("moov", box("udta", meta)))
}

// TestForms: a workflow in whatever file, as run or as drawn.
func TestForms(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{}).Start(t)
	large := filepath.Join(t.TempDir(), "large.mp4")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxFile+1); err != nil {
		t.Fatal(err)
	}
	oneLine := strings.ReplaceAll(drawn, "\n", "")
	for name, c := range map[string]struct {
		file  []byte
		fails string
	}{
		"a.json": {file: []byte(drawn)}, "run.json": {file: []byte(saved)}, "run.png": {file: withText("prompt", saved)}, "drawn.png": {file: withText("workflow", drawn)},
		"drawn.webp": {file: webp("Workflow:" + oneLine)}, "run.webp": {file: webp("prompt:" + saved)}, "drawn.mp4": {file: mp4(`{"workflow": ` + drawn + `}`)},
		"plain.png": {[]byte(dot), "a PNG without ComfyUI's metadata"}, "a.jpg": {[]byte("\xff\xd8\xffxyz"), "in which no ComfyUI workflow is looked for"},
		"cut.mp4": {mp4(saved)[:40], "a video that ends too early"}, "large.mp4": {nil, "has 256 MiB; at most 256 are read"}, "none": {nil, "it is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := large
			if c.file != nil || name == "none" {
				path = picture(t, name, string(c.file)).Path
			}
			r := newRig(t, s.URL())
			f := sdk.File(path, name, "")
			out, err := r.workflow(t.Context(), workflowIn{File: &f}, r.task(t, ""))
			switch {
			case c.fails != "":
				if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message, c.fails) || !e.Permanent || e.Hint == "" {
					t.Errorf("%v, want …%s…", err, c.fails)
				}
			case err != nil || len(out.Images) != 1:
				t.Errorf("%v, %d pictures", err, len(out.Images))
			default:
				if raw, err := os.ReadFile(out.Images[0].Path); err != nil || !bytes.HasPrefix(raw, []byte("\x89PNG")) {
					t.Error(err)
				}
			}
		})
	}
}
