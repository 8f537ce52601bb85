package weights

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func raw(head, data string) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), data...)
}

// TestThereAndBack: what is written is read again.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	want := []float32{1, -2.5, float32(math.Inf(1)), 0, 1e-40, 3}
	if err := Write(path, map[string]string{"format": "pt", "what": "<&>"}, []New{{"b", []int{2, 3}, want}, {"a", []int{1}, []float32{7}}, {"none", []int{0, 4}, nil}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Floats("b", 2, 3)
	if err != nil || !slices.Equal(got, want) || f.Metadata["what"] != "<&>" || len(f.Tensors) != 3 || f.data%8 != 0 {
		t.Error(got, err, f.Metadata, f.Tensors)
	}
	for name, shape := range map[string][]int{"b": {3, 2}, "c": {1}} {
		if _, err := f.Floats(name, shape...); err == nil {
			t.Errorf("%s of %v is there", name, shape)
		}
	}
}

// TestCopy: metadata are added, what is there stays, and no number changes.
func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "a.safetensors"), filepath.Join(t.TempDir(), "b.safetensors")
	if err := Write(from, map[string]string{"format": "pt"}, []New{{Name: "b", Shape: []int{2}, Data: []float32{1, -2}}, {Name: "a", Shape: []int{1}, Data: []float32{3.5}}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Copy(to, map[string]string{"format": "no", "base": "<tiny>"}), f.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err1 := c.Floats("a", 1)
	b, err2 := c.Floats("b", 2)
	if err1 != nil || err2 != nil || a[0] != 3.5 || !slices.Equal(b, []float32{1, -2}) || !maps.Equal(c.Metadata, map[string]string{"format": "pt", "base": "<tiny>"}) {
		t.Errorf("%v %v %v, %v %v", a, b, c.Metadata, err1, err2)
	}
}

// TestHalves: narrow numbers are widened, those too small for a leading one too.
func TestHalves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.safetensors")
	data := "\x00\x3c\x00\xc1\x01\x00\x00\x7c" + "\x80\x3f\x00\xc0"
	if err := os.WriteFile(path, raw(`{"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]}}`, data), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err1 := f.Floats("h", 4)
	b, err2 := f.Floats("b", 2)
	if err1 != nil || err2 != nil || !slices.Equal(h, []float32{1, -2.5, 1.0 / (1 << 24), float32(math.Inf(1))}) || !slices.Equal(b, []float32{1, -2}) {
		t.Error(h, b, err1, err2)
	}
}

// damaged are files that are not what they say.
var damaged = map[string][]byte{
	"too short":           []byte("abc"),
	"does not fit":        binary.LittleEndian.AppendUint64(nil, 1<<40),
	"no JSON object":      raw(`[]`, ""),
	"are no texts":        raw(`{"__metadata__":{"a":1}}`, ""),
	"cannot be read":      raw(`{"a":7}`, ""),
	"not known":           raw(`{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}}`, "x"),
	"bytes of its shape":  raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "xxxx"),
	"the shape":           raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""),
	"the shape [-1]":      raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}`, ""),
	"one after the other": raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, "xxxxxx"),
	"and it has 4 for":    raw(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}`, "xxxx"),
	"and it has 9 for":    raw(`{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}`, "xxxxxxxxx"),
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	for want, data := range damaged {
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
			if f != nil {
				_ = f.Close()
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range damaged {
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "a")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for name, tensor := range file.Tensors {
			if got, err := file.Floats(name, tensor.Shape...); err == nil && int64(len(got)) != tensor.Count() {
				t.Errorf("%s has %d numbers", name, len(got))
			}
		}
	})
}
