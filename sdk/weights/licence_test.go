package weights

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// gguf writes the metadata of a GGUF file: an array and a number, then texts.
func gguf(texts ...string) []byte {
	var b bytes.Buffer
	put := func(v ...any) {
		for _, x := range v {
			if s, ok := x.(string); ok {
				x = append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
			}
			_ = binary.Write(&b, binary.LittleEndian, x) // to memory
		}
	}
	b.WriteString(MagicGGUF)
	put(uint32(3), uint64(0), uint64(2+len(texts)/2))
	put("tokens", uint32(9), uint32(8), uint64(2), "a", "b", "size", uint32(4), uint32(7))
	for k := 0; k < len(texts); k += 2 {
		put(texts[k], uint32(8), texts[k+1])
	}
	return b.Bytes()
}

func TestLicence(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	st := func(name string, metadata map[string]string) string {
		t.Helper()
		at := filepath.Join(folder, name)
		if err := Write(at, metadata, nil); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	whole := gguf("general.name", "x", "general.license", "apache-2.0")
	for name, c := range map[string]struct{ data, want string }{
		"spec.safetensors":  {st("1", map[string]string{"modelspec.license": "CC-BY-NC-4.0", "license": "other"}), "CC-BY-NC-4.0"},
		"plain.safetensors": {st("2", map[string]string{"license": "mit"}), "mit"},
		"none.safetensors":  {st("3", nil), ""},
		"some.gguf":         {string(whole), "apache-2.0"},
		"none.gguf":         {string(gguf("general.name", "x")), ""},
		"cut.gguf":          {string(whole[:len(whole)-3]), ""},
		"long.gguf":         {string(whole[:len(whole)-18]) + "\xff\xff\xff\xff\xff\xff\xff\x7f", ""},
		"text":              {"x", ""},
		"empty":             {"", ""},
	} {
		at := filepath.Join(folder, name)
		if err := os.WriteFile(at, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Licence(at); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := Licence(filepath.Join(folder, "not there")); got != "" {
		t.Error(got)
	}
}
