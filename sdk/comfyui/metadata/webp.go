package metadata

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// readWebP goes over the RIFF chunks to the EXIF one.
func readWebP(data []byte) (t Texts, err error) {
	for at := 12; at < len(data); {
		if len(data)-at < 8 {
			return t, cut("WebP", len(data))
		}
		size := int64(binary.LittleEndian.Uint32(data[at+4:]))
		if size > int64(len(data)-at-8) {
			return t, cut("WebP", len(data))
		}
		body := data[at+8 : at+8+int(size)]
		if string(data[at:at+4]) == "EXIF" {
			t.exif(body)
		}
		at += 8 + int(size) + int(size)&1
	}
	return t, nil
}

// Tags of EXIF that matter: where ComfyUI and its custom nodes put text, and the pointer to the second directory.
const (
	tagExif        = 0x8769
	tagUserComment = 0x9286
	typeASCII      = 2
	typeUndefined  = 7
)

// exif reads TIFF directories. ComfyUI writes "prompt:{…}" and "workflow:{…}" into text tags, counting down from Model.
func (t *Texts) exif(body []byte) {
	body = bytes.TrimPrefix(body, []byte("Exif\x00\x00"))
	if len(body) < 8 {
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(body[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return
	}
	second := t.directory(body, order, order.Uint32(body[4:]))
	if second != 0 {
		t.directory(body, order, second)
	}
}

// directory reads one directory and gives where the second one is, 0 when there is none.
func (t *Texts) directory(body []byte, order binary.ByteOrder, at uint32) (second uint32) {
	if int64(at)+2 > int64(len(body)) {
		return 0
	}
	n := int(order.Uint16(body[at:]))
	for i := range n {
		entry := int64(at) + 2 + 12*int64(i)
		if entry+12 > int64(len(body)) {
			return second
		}
		e := body[entry : entry+12]
		tag, kind, count := order.Uint16(e), order.Uint16(e[2:]), order.Uint32(e[4:])
		if tag == tagExif {
			second = order.Uint32(e[8:])
		}
		if kind != typeASCII && kind != typeUndefined {
			continue
		}
		text := e[8:]
		if count > 4 {
			from := int64(order.Uint32(text))
			if from+int64(count) > int64(len(body)) {
				continue
			}
			text = body[from : from+int64(count)]
		} else {
			text = text[:count]
		}
		if tag == tagUserComment {
			text = userComment(text, order)
		}
		t.prefixed(text)
	}
	return second
}

// prefixed takes a text that says its name itself, "prompt:{…}"; one that is all JSON is a comment.
func (t *Texts) prefixed(text []byte) {
	text = bytes.TrimSpace(bytes.TrimRight(text, "\x00"))
	if len(text) > 0 && text[0] == '{' {
		t.keep("comment", text)
		return
	}
	name, rest, ok := bytes.Cut(text, []byte(":"))
	if n := strings.ToLower(string(name)); ok && (n == "prompt" || n == "workflow") {
		t.keep(n, utf8Of(rest))
	}
}

// userComment takes off the eight bytes that name the encoding.
func userComment(text []byte, order binary.ByteOrder) []byte {
	if len(text) < 8 {
		return text
	}
	head, rest := string(text[:8]), text[8:]
	switch head {
	case "ASCII\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00":
		return rest
	case "UNICODE\x00":
		units := make([]uint16, 0, len(rest)/2)
		for ; len(rest) >= 2; rest = rest[2:] {
			units = append(units, order.Uint16(rest))
		}
		return []byte(string(utf16.Decode(units)))
	}
	return text
}
