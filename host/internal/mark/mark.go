// Package mark writes into a media file, among its metadata, that spinbot has made it, and reads that again. Pictures, sound and film stay as
// they are, bit by bit: bytes are put between those that are there. A file of another kind, or one that is built in a way that this package does
// not know, gets no mark; nothing is ever an error.
package mark

import (
	"bytes"
	"io"
	"strings"
)

// Source says how much of a file no camera and no microphone has recorded. Its values are words of the IPTC's digitalSourceType.
type Source string

// The sources.
const (
	Other     Source = ""                                     // nobody says
	Generated Source = "trainedAlgorithmicMedia"              // a model has made it
	Composite Source = "compositeWithTrainedAlgorithmicMedia" // there is something in it that a model has made
)

// Mark is what is written.
type Mark struct {
	At     string // the address of the attempt
	Source Source
}

const (
	prefix    = "Made by MySpinBot: "
	generated = " (AI-generated)"
	composite = " (with AI-generated parts)"
)

// String is the mark as a comment.
func (m Mark) String() string {
	switch m.Source {
	case Generated:
		return prefix + m.At + generated
	case Composite:
		return prefix + m.At + composite
	default:
		return prefix + m.At
	}
}

// xmp is the mark as an XMP packet.
func (m Mark) xmp() string {
	source := ""
	if m.Source != Other {
		source = ` xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/` + string(m.Source) + `"`
	}
	return `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="MySpinBot"` + source + ` xmlns:dc="http://purl.org/dc/elements/1.1/">` +
		`<dc:description><rdf:Alt><rdf:li xml:lang="x-default">` + strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(m.String()) + `</rdf:li></rdf:Alt></dc:description>` +
		`</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

// writer puts a mark into files of one kind. It gives false for a file that it does not understand.
type writer func(f file, m Mark) (parts, bool)

// writers are all kinds, by how a file of one begins.
var writers = []struct {
	magic string
	at    int
	write writer
}{
	{"\x89PNG\r\n\x1a\n", 0, png}, {"\xff\xd8\xff", 0, jpeg}, {"WEBP", 8, webp}, {"WAVE", 8, wav}, {"ftyp", 4, mp4},
	{"ID3", 0, mp3}, {"\xff\xfb", 0, mp3}, {"\xff\xf3", 0, mp3}, {"\xff\xf2", 0, mp3}, {"fLaC", 0, flac}, {"\x1aE\xdf\xa3", 0, matroska},
}

// Into gives the bytes of a file of this size with the mark in it. It gives false for one that takes none, and for one that has one: that
// was made before, and is handed on as it is.
func Into(r io.ReaderAt, size int64, m Mark) (io.Reader, bool) {
	f := file{r, size}
	head := f.read(0, 16)
	for _, w := range writers {
		if len(head) < w.at || !bytes.HasPrefix(head[w.at:], []byte(w.magic)) {
			continue
		}
		if _, marked := Find(r, size); marked {
			return nil, false
		}
		p, ok := w.write(f, m)
		return io.MultiReader(p...), ok
	}
	return nil, false
}

// looked is how much is looked at for a mark at either end of a file.
const looked = 64 << 10

// Find reads the mark of a file of this size, as Into has written it.
func Find(r io.ReaderAt, size int64) (Mark, bool) {
	f := file{r, size}
	for _, from := range []int64{0, max(0, size-looked)} {
		if m, ok := parse(f.read(from, looked)); ok {
			return m, true
		}
	}
	return Mark{}, false
}

func parse(data []byte) (Mark, bool) {
	_, after, ok := bytes.Cut(data, []byte(prefix+"run_"))
	if !ok {
		return Mark{}, false
	}
	end := bytes.IndexFunc(after, func(r rune) bool { return r <= ' ' || r == '<' || r > '~' })
	if end < 0 {
		return Mark{}, false
	}
	m, after := Mark{At: "run_" + string(after[:end])}, after[end:]
	switch {
	case bytes.HasPrefix(after, []byte(generated)):
		m.Source = Generated
	case bytes.HasPrefix(after, []byte(composite)):
		m.Source = Composite
	}
	return m, true
}

// file is what a mark goes into.
type file struct {
	io.ReaderAt

	size int64
}

// read gives so many bytes from a place on, fewer at the end; none where they cannot be read.
func (f file) read(at, n int64) []byte {
	if n = min(n, f.size-at); at < 0 || n <= 0 {
		return nil
	}
	b := make([]byte, n)
	if got, _ := f.ReadAt(b, at); int64(got) < n { // less is as good as nothing
		return nil
	}
	return b
}

// parts are what the marked file is put together from.
type parts []io.Reader

func (p parts) bytes(b []byte) parts { return append(p, bytes.NewReader(b)) }

func (p parts) file(f file, from, to int64) parts {
	return append(p, io.NewSectionReader(f.ReaderAt, from, to-from))
}
