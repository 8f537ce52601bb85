// Package weights reads and writes files of model weights: safetensors, and LoRA adapters as GGUF. It trusts nothing that a file says.
package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxHeader = 64 << 20 // bytes
	maxTensor = 64 << 30 // bytes
	maxDims   = 8
)

// Tensor is where a tensor lies in its file.
type Tensor struct {
	Type    string   `json:"dtype"` // F32, F16, BF16 or another
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // bytes from the end of the header on
}

// Count is how many numbers a tensor has.
func (t Tensor) Count() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// widths are the bytes of a number of each type.
var widths = map[string]int64{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
	"U64": 8, "U32": 4, "U16": 2}

// File is an open file.
type File struct {
	Metadata map[string]string
	Tensors  map[string]Tensor

	file *os.File
	data int64 // where tensors begin
}

// Open opens a file and reads its head. Tensors outside of it, on each other, or of another size than their shape are an error, and so are
// bytes that belong to none.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	out := &File{file: f}
	if err := out.read(); err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	return out, nil
}

// Close closes it.
func (f *File) Close() error { return f.file.Close() }

func (f *File) read() error {
	st, err := f.file.Stat()
	if err != nil {
		return err
	}
	var size [8]byte
	if _, err := f.file.ReadAt(size[:], 0); err != nil {
		return errors.New("it is no safetensors file: it is too short")
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n < 2 || n > maxHeader || int64(n)+8 > st.Size() {
		return errors.New("it is no safetensors file: its head does not fit into it")
	}
	raw := make([]byte, n)
	if _, err := f.file.ReadAt(raw, 8); err != nil {
		return err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return errors.New("it is no safetensors file: its head is no JSON object")
	}
	if meta := entries["__metadata__"]; meta != nil {
		if err := json.Unmarshal(meta, &f.Metadata); err != nil {
			return errors.New("its metadata are no texts")
		}
		delete(entries, "__metadata__")
	}
	f.data, f.Tensors = 8+int64(n), make(map[string]Tensor, len(entries))
	for name, e := range entries {
		var t Tensor
		if err := json.Unmarshal(e, &t); err != nil {
			return fmt.Errorf("tensor %s cannot be read", name)
		}
		if err := t.check(name); err != nil {
			return err
		}
		f.Tensors[name] = t
	}
	return f.cover(st.Size() - f.data)
}

func (t Tensor) check(name string) error {
	width, known := widths[t.Type]
	size := width
	if !known || len(t.Shape) > maxDims {
		return fmt.Errorf("tensor %s has %d dimensions of type %q, which is not known", name, len(t.Shape), t.Type)
	}
	for _, d := range t.Shape {
		if d < 0 || d > 0 && size > maxTensor/int64(d) {
			return fmt.Errorf("tensor %s has the shape %v", name, t.Shape)
		}
		size *= int64(d)
	}
	if t.Offsets[0] < 0 || t.Offsets[1]-t.Offsets[0] != size {
		return fmt.Errorf("tensor %s does not have the bytes of its shape", name)
	}
	return nil
}

// cover sees that tensors lie one after the other and fill the rest of the file.
func (f *File) cover(size int64) error {
	all := make([]Tensor, 0, len(f.Tensors))
	for _, t := range f.Tensors {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Tensor) int {
		if c := a.Offsets[0] - b.Offsets[0]; c != 0 {
			return int(max(-1, min(1, c)))
		}
		return int(max(-1, min(1, a.Offsets[1]-b.Offsets[1])))
	})
	var at int64
	for _, t := range all {
		if t.Offsets[0] != at {
			return errors.New("its tensors do not lie one after the other")
		}
		at = t.Offsets[1]
	}
	if at != size {
		return fmt.Errorf("its tensors have %d bytes, and it has %d for them", at, size)
	}
	return nil
}

// Floats gives a tensor's numbers as float32. It has to have the shape that is asked for.
func (f *File) Floats(name string, shape ...int) ([]float32, error) {
	t, found := f.Tensors[name]
	if !found {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s has the shape %v, not %v", name, t.Shape, shape)
	}
	width := int(widths[t.Type])
	if t.Type != "F32" && t.Type != "F16" && t.Type != "BF16" {
		return nil, fmt.Errorf("tensor %s has numbers of type %s; F32, F16 and BF16 are read", name, t.Type)
	}
	out := make([]float32, t.Count())
	r := io.NewSectionReader(f.file, f.data+t.Offsets[0], t.Offsets[1]-t.Offsets[0])
	raw := make([]byte, min(len(out)*width, 1<<20))
	for at := 0; at < len(out); {
		part := raw[:min(len(raw), (len(out)-at)*width)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		for i := 0; i < len(part); i += width {
			out[at] = single(t.Type, part[i:])
			at++
		}
	}
	return out, nil
}

func single(kind string, b []byte) float32 {
	switch kind {
	case "F32":
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case "BF16":
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	default:
		return half(binary.LittleEndian.Uint16(b))
	}
}

// half widens a float16.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero, or too small for a leading one
		return math.Float32frombits(sign | math.Float32bits(float32(frac)/(1<<24)))
	case 31:
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	default:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
}

// New is a tensor to be written, of F32.
type New struct {
	Name  string
	Shape []int
	Data  []float32
}

// Write writes a file that is there whole or not at all.
func Write(path string, metadata map[string]string, tensors []New) error {
	head, at := map[string]any{}, int64(0)
	if len(metadata) > 0 {
		head["__metadata__"] = metadata
	}
	for _, t := range tensors {
		size := int64(len(t.Data)) * 4
		head[t.Name] = Tensor{"F32", t.Shape, [2]int64{at, at + size}}
		at += size
	}
	return replace(path, head, func(w *bufio.Writer) error {
		var number [4]byte
		for _, t := range tensors {
			for _, v := range t.Data {
				binary.LittleEndian.PutUint32(number[:], math.Float32bits(v))
				_, _ = w.Write(number[:]) // Flush says what went wrong
			}
		}
		return nil
	})
}

// Copy writes the file anew with these metadata beside its own, which stay as they are. No number changes.
func (f *File) Copy(path string, metadata map[string]string) error {
	all := map[string]string{}
	maps.Copy(all, metadata)
	maps.Copy(all, f.Metadata)
	head := map[string]any{"__metadata__": all}
	var size int64
	for name, t := range f.Tensors {
		head[name], size = t, max(size, t.Offsets[1])
	}
	return replace(path, head, func(w *bufio.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(f.file, f.data, size))
		return err
	})
}

// replace puts a file of this head, and of what is written after it, in the place of another.
func replace(path string, head map[string]any, data func(*bufio.Writer) error) error {
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false)
	if err := e.Encode(head); err != nil {
		return err
	}
	text := strings.TrimRight(raw.String(), "\n")
	text += strings.Repeat(" ", (8-len(text)%8)%8) // numbers lie on their bounds
	f, err := os.CreateTemp(filepath.Dir(path), ".safetensors-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	_, _ = w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))) // Flush says what went wrong
	_, _ = w.WriteString(text)
	if err := errors.Join(data(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
