package metadata_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/myspinbot/spinbot/sdk/comfyui/metadata"
)

const prompt, workflow = `{"3": {"class_type": "KSampler"}}`, `{"nodes": []}`

func png(chunks ...string) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	for i := 0; i+1 < len(chunks); i += 2 {
		body := chunks[i] + chunks[i+1]
		out = binary.BigEndian.AppendUint32(out, uint32(len(chunks[i+1])))
		out = append(out, body...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(body)))
	}
	return out
}

func packed(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// box writes an ISO media box.
func box(kind string, bodies ...string) string {
	body := strings.Join(bodies, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
}

func data(text string) string { return box("data", "\x00\x00\x00\x01\x00\x00\x00\x00", text) }

// webp writes the EXIF of one directory, and of a second one if there are entries for it.
func webp(order binary.AppendByteOrder, first, second []entry) []byte {
	head := "II*\x00\x08\x00\x00\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		head = "MM\x00*\x00\x00\x00\x08"
	}
	exif := directory(order, []byte(head), first, len(second) > 0)
	if len(second) > 0 {
		at := bytes.Index(exif, order.AppendUint16(nil, 0x8769))
		order.(binary.ByteOrder).PutUint32(exif[at+8:], uint32(len(exif)))
		exif = directory(order, exif, second, false)
	}
	chunks := chunk("VP8X", "0123456789") + chunk("EXIF", string(exif)) + chunk("XMP ", "odd")
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(4+len(chunks)))) + "WEBP" + chunks)
}

func chunk(kind, body string) string {
	size := string(binary.LittleEndian.AppendUint32(nil, uint32(len(body))))
	if len(body)%2 == 1 {
		body += "\x00"
	}
	return kind + size + body
}

type entry struct {
	tag  uint16
	text string
}

func directory(order binary.AppendByteOrder, out []byte, entries []entry, pointer bool) []byte {
	n := len(entries)
	if pointer {
		n++
	}
	texts := ""
	at := len(out) + 2 + 12*n + 4
	out = order.AppendUint16(out, uint16(n))
	for _, e := range entries {
		out = order.AppendUint16(order.AppendUint16(out, e.tag), 2)
		out = order.AppendUint32(out, uint32(len(e.text)))
		out = order.AppendUint32(out, uint32(at+len(texts)))
		texts += e.text
	}
	if pointer {
		out = order.AppendUint32(order.AppendUint32(order.AppendUint16(order.AppendUint16(out, 0x8769), 4), 1), 0)
	}
	return append(order.AppendUint32(out, 0), texts...)
}

func unicodeOf(text string) string {
	out := []byte("UNICODE\x00")
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return string(out)
}

func TestFind(t *testing.T) {
	t.Parallel()
	end := []string{"IEND", ""}
	ftyp, mdat := box("ftyp", "isom0000"), box("mdat", strings.Repeat("x", 100))
	keys := box("keys", "\x00\x00\x00\x00\x00\x00\x00\x02", box("mdta", "prompt"), box("mdta", "com.apple.quicktime.workflow"))
	byKey := keys + box("ilst", box("\x00\x00\x00\x01", data(prompt)), box("\x00\x00\x00\x02", data(workflow)), box("\x00\x00\x00\x09", data("x")))
	hdlr := box("hdlr", "00000000mdta")
	for name, c := range map[string]struct {
		in   []byte
		want metadata.Texts
	}{
		"tEXt": {png(append([]string{"tEXt", "prompt\x00" + prompt, "tEXt", "workflow\x00" + workflow, "IDAT", "xyz"}, end...)...),
			metadata.Texts{Prompt: []byte(prompt), Workflow: []byte(workflow)}},
		"tEXt in Latin-1": {png(append([]string{"tEXt", "workflow\x00{\"caf\xe9\": 1}"}, end...)...), metadata.Texts{Workflow: []byte(`{"café": 1}`)}},
		"zTXt":            {png(append([]string{"zTXt", "prompt\x00\x00" + packed(prompt)}, end...)...), metadata.Texts{Prompt: []byte(prompt)}},
		"iTXt":            {png(append([]string{"iTXt", "prompt\x00\x00\x00en\x00\x00" + prompt}, end...)...), metadata.Texts{Prompt: []byte(prompt)}},
		"iTXt packed":     {png(append([]string{"iTXt", "workflow\x00\x01\x00\x00\x00" + packed(workflow)}, end...)...), metadata.Texts{Workflow: []byte(workflow)}},
		"cut after":       {png("tEXt", "prompt\x00"+prompt, "IDAT", "xyz")[:80], metadata.Texts{Prompt: []byte(prompt)}},
		"the first wins":  {png(append([]string{"tEXt", "prompt\x00" + prompt, "tEXt", "prompt\x00{}"}, end...)...), metadata.Texts{Prompt: []byte(prompt)}},
		"WebP": {webp(binary.LittleEndian, []entry{{0x010f, "Workflow:" + workflow + "\x00"}, {0x0110, "prompt:" + prompt + "\x00"}}, nil),
			metadata.Texts{Prompt: []byte(prompt), Workflow: []byte(workflow)}},
		"WebP, big endian, in the comment": {webp(binary.BigEndian, []entry{{0x010f, "Canon\x00"}}, []entry{{0x9286, unicodeOf("prompt:" + prompt)}}),
			metadata.Texts{Prompt: []byte(prompt)}},
		"WebP, all in one": {webp(binary.LittleEndian, []entry{{0x010f, "x"}}, []entry{{0x9286, "ASCII\x00\x00\x00{\"prompt\": {}}"}}), metadata.Texts{Comment: []byte(`{"prompt": {}}`)}},
		"MP4, by key":      {[]byte(ftyp + mdat + box("moov", box("udta", box("meta", "\x00\x00\x00\x00", hdlr, byKey)))), metadata.Texts{Prompt: []byte(prompt), Workflow: []byte(workflow)}},
		"MOV, by key":      {[]byte(ftyp + box("moov", box("meta", hdlr, byKey))), metadata.Texts{Prompt: []byte(prompt), Workflow: []byte(workflow)}},
		"MP4, comment": {[]byte(ftyp + box("moov", box("udta", box("meta", "\x00\x00\x00\x00", hdlr, box("ilst", box("\xa9too", data("Lavf")), box("\xa9cmt", data(`{"prompt": "{}"}`))))))),
			metadata.Texts{Comment: []byte(`{"prompt": "{}"}`)}},
		"MP4, free form": {[]byte(ftyp + box("moov", box("udta", box("meta", "\x00\x00\x00\x00", hdlr, box("ilst", box("----", box("mean", "\x00\x00\x00\x00com"), box("name", "\x00\x00\x00\x00prompt"), data(prompt))))))),
			metadata.Texts{Prompt: []byte(prompt)}},
		"MOV, oldest": {[]byte(ftyp + box("moov", box("udta", box("\xa9cmt", "\x00\x02\x55\xc4{}")))), metadata.Texts{Comment: []byte("{}")}},
		"MP4, 64 bits": {[]byte(ftyp + "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x12xx" + box("moov", box("udta", box("meta", "\x00\x00\x00\x00", hdlr, byKey)))),
			metadata.Texts{Prompt: []byte(prompt), Workflow: []byte(workflow)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := metadata.Find(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Prompt, c.want.Prompt) || !bytes.Equal(got.Workflow, c.want.Workflow) || !bytes.Equal(got.Comment, c.want.Comment) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	whole := png("tEXt", "Software\x00Gimp", "IEND", "")
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"no text":      {whole, "it is a PNG without ComfyUI's metadata"},
		"cut":          {whole[:20], "it is a PNG that ends too early, after 20 bytes"},
		"another":      {png("tEXt", "parameters\x00a cat\nSteps: 20", "IEND", ""), "AUTOMATIC1111"},
		"broken zTXt":  {png("zTXt", "prompt\x00\x00nonsense", "IEND", ""), "its compressed text is broken"},
		"bomb":         {png("zTXt", "prompt\x00\x00"+packed(strings.Repeat(" ", metadata.MaxText+1)), "IEND", ""), "its compressed text has more than 32 MiB"},
		"WebP":         {webp(binary.LittleEndian, []entry{{0x010f, "Canon"}}, nil), "it is a WebP without ComfyUI's metadata"},
		"WebP cut":     {webp(binary.LittleEndian, []entry{{0x010f, "Canon"}}, nil)[:50], "it is a WebP that ends too early"},
		"video":        {[]byte(box("ftyp", "isom0000") + box("moov", box("udta"))), "it is an MP4 without ComfyUI's metadata"},
		"video cut":    {[]byte(box("ftyp", "isom0000") + "\x00\x00\xff\xffmoovxx"), "it is a video that ends too early"},
		"JPEG":         {[]byte("\xff\xd8\xff\xe0"), "it is a JPEG, in which no ComfyUI workflow is looked for"},
		"comment only": {[]byte(box("ftyp", "isom0000") + box("moov", box("udta", box("\xa9cmt", "\x00\x05\x55\xc4hello")))), "it is an MP4 without"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := metadata.Find(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
		})
	}
}

// FuzzFind: whatever the bytes, nothing panics, and a text that is found stood in the file or was packed in it.
func FuzzFind(f *testing.F) {
	f.Add(png("tEXt", "prompt\x00"+prompt, "zTXt", "workflow\x00\x00"+packed(workflow), "iTXt", "prompt\x00\x00\x00\x00\x00{}", "IEND", ""))
	f.Add(webp(binary.LittleEndian, []entry{{0x010f, "Workflow:" + workflow}}, []entry{{0x9286, unicodeOf("prompt:" + prompt)}}))
	f.Add([]byte(box("ftyp", "isom0000") + box("moov", box("udta", box("meta", "\x00\x00\x00\x00", box("keys", "\x00\x00\x00\x00\x00\x00\x00\x01", box("mdta", "prompt")), box("ilst", box("\x00\x00\x00\x01", data(prompt))))))))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := metadata.Find(in)
		if err == nil && got.Prompt == nil && got.Workflow == nil && got.Comment == nil {
			t.Fatal("nothing found, and no error")
		}
	})
}
