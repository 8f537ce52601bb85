package weights

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// Licence gives the licence that a model's file names, by the metadata of safetensors (modelspec.license, license) or of GGUF
// (general.license); empty: it names none, or is no such file.
func Licence(path string) string {
	if f, err := Open(path); err == nil {
		_ = f.Close() // its head is read
		return cmp.Or(f.Metadata["modelspec.license"], f.Metadata["license"])
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	name, _ := ggufText(bufio.NewReader(io.LimitReader(f, maxHeader)), "general.license") // what cannot be read names none
	return name
}

// The types of values in GGUF's metadata that have no fixed width.
const (
	ggufString = 8
	ggufArray  = 9
)

var ggufWidths = map[uint32]int64{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

var errGGUF = errors.New("it is no GGUF file, or is damaged")

// ggufText finds a text among the metadata of a GGUF file; empty: it is not there.
func ggufText(r *bufio.Reader, key string) (string, error) {
	var head struct {
		Magic         [4]byte
		Version       uint32
		Tensors, Keys uint64
	}
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
		return "", err
	}
	if !bytes.Equal(head.Magic[:], []byte(MagicGGUF)) || head.Version < 2 {
		return "", errGGUF
	}
	for range head.Keys {
		name, err := ggufString64(r)
		if err != nil {
			return "", err
		}
		var kind uint32
		if err := binary.Read(r, binary.LittleEndian, &kind); err != nil {
			return "", err
		}
		if kind == ggufString && name == key {
			return ggufString64(r)
		}
		if err := ggufSkip(r, kind, 0); err != nil {
			return "", err
		}
	}
	return "", nil
}

func ggufString64(r *bufio.Reader) (string, error) {
	var n uint64
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return "", err
	}
	if n > 1<<20 {
		return "", errGGUF
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	return string(text), nil
}

// ggufSkip reads past a value.
func ggufSkip(r *bufio.Reader, kind uint32, depth int) error {
	switch {
	case kind == ggufString:
		_, err := ggufString64(r)
		return err
	case kind == ggufArray && depth < maxDims:
		var head struct {
			Kind uint32
			N    uint64
		}
		if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
			return err
		}
		for range head.N {
			if err := ggufSkip(r, head.Kind, depth+1); err != nil {
				return err
			}
		}
		return nil
	case ggufWidths[kind] > 0:
		_, err := io.CopyN(io.Discard, r, ggufWidths[kind])
		return err
	}
	return errGGUF
}
