// Package metadata finds what ComfyUI writes into the files it makes: the text that says how a picture or a video came
// to be. It owns the containers (PNG, WebP, MP4 and MOV), knows nothing of what the text means, and reads no byte that
// the file does not have: hostile files are bounded and refused.
package metadata

import (
	"bytes"
	"fmt"
	"strings"
)

// MaxText is the size limit of one text in a file, in bytes, after it is uncompressed.
const MaxText = 32 << 20

// Kind names a container, as people call it.
type Kind string

// The kinds of files that are told apart; NotMedia is everything that is none of them, such as JSON.
const (
	NotMedia Kind = ""
	PNG      Kind = "PNG"
	WebP     Kind = "WebP"
	MP4      Kind = "MP4"
	JPEG     Kind = "JPEG"
	GIF      Kind = "GIF"
	WebM     Kind = "WebM"
	FLAC     Kind = "FLAC"
	MP3      Kind = "MP3"
	Ogg      Kind = "Ogg"
)

func (k Kind) withArticle() string {
	if k == MP3 || k == MP4 {
		return "an " + string(k)
	}
	return "a " + string(k)
}

// Texts are the two texts that ComfyUI writes, as they stand in the file; nil when it has none.
type Texts struct {
	// Prompt is the graph that was run, in API format.
	Prompt []byte
	// Workflow is the graph as the person drew it, in UI format.
	Workflow []byte
	// Comment is a text of which the file does not say what it is; some video nodes put both others in it.
	Comment []byte
	// Other says that the file has the settings of another program, and which one.
	Other string
}

// found says whether there is a text to go on with.
func (t Texts) found() bool { return t.Prompt != nil || t.Workflow != nil || t.Comment != nil }

// magic is how files of a kind begin; at is where.
var magic = []struct {
	kind Kind
	at   int
	text string
}{
	{PNG, 0, "\x89PNG\r\n\x1a\n"}, {WebP, 8, "WEBP"}, {MP4, 4, "ftyp"}, {MP4, 4, "moov"}, {MP4, 4, "mdat"}, {MP4, 4, "wide"},
	{JPEG, 0, "\xff\xd8\xff"}, {GIF, 0, "GIF8"}, {WebM, 0, "\x1a\x45\xdf\xa3"}, {FLAC, 0, "fLaC"},
	{MP3, 0, "ID3"}, {Ogg, 0, "OggS"},
}

// KindOf tells a file's kind by its first bytes; its name does not count.
func KindOf(data []byte) Kind {
	for _, m := range magic {
		if len(data) >= m.at+len(m.text) && string(data[m.at:m.at+len(m.text)]) == m.text {
			return m.kind
		}
	}
	return NotMedia
}

// Find gives the texts of a PNG, WebP, MP4 or MOV file. The error says what the file is and what to do instead.
func Find(data []byte) (Texts, error) {
	kind := KindOf(data)
	var t Texts
	var err error
	switch kind {
	case PNG:
		t, err = readPNG(data)
	case WebP:
		t, err = readWebP(data)
	case MP4:
		t, err = readMP4(data)
	default:
		return t, fmt.Errorf("it is %s, in which no ComfyUI workflow is looked for; give the workflow as JSON (in ComfyUI: Workflow, Export), or a PNG, WebP, MP4 or MOV that ComfyUI saved", kind.withArticle())
	}
	switch {
	case t.found():
		return t, nil
	case err != nil:
		return t, err
	case t.Other != "":
		return t, fmt.Errorf("it is %s made by %s, without a ComfyUI workflow; only what ComfyUI made can be imported", kind.withArticle(), t.Other)
	}
	return t, fmt.Errorf("it is %s without ComfyUI's metadata; programs that edit, shrink or send pictures take it out: give the file as ComfyUI saved it, or the workflow as JSON", kind.withArticle())
}

// keep takes a text if its name is one of ComfyUI's; the first of a name wins.
func (t *Texts) keep(name string, text []byte) {
	text = bytes.TrimRight(bytes.TrimSpace(text), "\x00")
	if len(text) == 0 || len(text) > MaxText {
		return
	}
	to := &t.Comment
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "prompt":
		to = &t.Prompt
	case "workflow":
		to = &t.Workflow
	case "comment", "description", "usercomment":
		if text[0] != '{' && text[0] != '"' {
			return
		}
	case "parameters":
		t.Other = "another program (its settings are in the style of AUTOMATIC1111)"
		return
	default:
		return
	}
	if *to == nil {
		*to = text
	}
}
