package metadata

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// readPNG goes over the chunks. What stands before a cut is used.
func readPNG(data []byte) (t Texts, err error) {
	for at := 8; at < len(data); {
		if len(data)-at < 12 {
			return t, cut("PNG", len(data))
		}
		size := int64(binary.BigEndian.Uint32(data[at:]))
		if size > int64(len(data)-at-12) {
			return t, cut("PNG", len(data))
		}
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+int(size)]
		switch kind {
		case "tEXt":
			name, text, _ := bytes.Cut(body, []byte{0})
			t.keep(string(name), utf8Of(text))
		case "zTXt":
			err = t.compressed(body)
		case "iTXt":
			err = t.international(body)
		case "IEND":
			return t, nil
		}
		if err != nil {
			return t, err
		}
		at += 12 + int(size)
	}
	return t, cut("PNG", len(data))
}

func cut(kind string, size int) error {
	return fmt.Errorf("it is a %s that ends too early, after %d bytes; copy or download it again", kind, size)
}

// compressed reads a zTXt chunk: name, 0, method, zlib stream.
func (t *Texts) compressed(body []byte) error {
	name, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 1 || !known(string(name)) {
		return nil
	}
	text, err := inflate(rest[1:])
	t.keep(string(name), utf8Of(text))
	return err
}

// international reads an iTXt chunk: name, 0, flag, method, language, 0, translated name, 0, text.
func (t *Texts) international(body []byte) error {
	name, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 2 || !known(string(name)) {
		return nil
	}
	packed := rest[0] == 1
	_, rest, _ = bytes.Cut(rest[2:], []byte{0})
	_, text, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return nil
	}
	var err error
	if packed {
		text, err = inflate(text)
	}
	t.keep(string(name), text)
	return err
}

// known keeps what no one will read from being uncompressed.
func known(name string) bool { return name == "prompt" || name == "workflow" || name == "parameters" }

func inflate(packed []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("its compressed text is broken: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, MaxText+1))
	switch {
	case len(text) > MaxText:
		return nil, fmt.Errorf("its compressed text has more than %d MiB, which no workflow has", MaxText>>20)
	case err != nil:
		return nil, fmt.Errorf("its compressed text is broken: %w", err)
	}
	return text, nil
}

// utf8Of takes the Latin-1 that the standard asks for, and the UTF-8 that programs write.
func utf8Of(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, b := range text {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}
