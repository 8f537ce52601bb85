// Package lora writes LoRA adapters, as PEFT saves them, in the form that Ollama takes without changing it. It knows Llama and its like, and
// refuses what Ollama has no place for.
package lora

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
	"regexp"
	"slices"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	// Magic is how a GGUF file begins.
	Magic = "GGUF"

	ggufAlign  = 32
	maxHeader  = 16 << 20 // bytes of a safetensors header
	maxAdapter = 4 << 30  // bytes of a tensor
)

// Base is what /api/show tells of the model that an adapter is for.
type Base struct {
	// Info is under Ollama's names: "llama.attention.head_count".
	Info map[string]any `json:"model_info"`
}

// heads gives how many heads the queries and the keys have.
func (b Base) heads() (queries, keys int) {
	n := func(name string) int {
		f, _ := b.Info[name].(float64)
		return int(f)
	}
	queries, keys = n("llama.attention.head_count"), n("llama.attention.head_count_kv")
	if keys == 0 {
		keys = queries
	}
	return queries, keys
}

// Adapter is a LoRA as PEFT saves it.
type Adapter struct {
	file    io.ReaderAt
	data    int64 // where tensors begin
	tensors map[string]tensor
}

type tensor struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// widths are the bytes of a number of each type.
var widths = map[string]int64{"F32": 4, "F16": 2, "BF16": 2}

// Read reads the header of a safetensors file.
func Read(f *os.File) (*Adapter, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, errors.New("it is no safetensors file")
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || int64(n)+8 > st.Size() {
		return nil, errors.New("it is no safetensors file")
	}
	raw := make([]byte, n)
	if _, err := f.ReadAt(raw, 8); err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, errors.New("it is no safetensors file")
	}
	delete(entries, "__metadata__")
	a := &Adapter{file: f, data: 8 + int64(n), tensors: map[string]tensor{}}
	for name, e := range entries {
		var t tensor
		if err := json.Unmarshal(e, &t); err != nil || len(t.Shape) != 2 || t.Shape[0] <= 0 || t.Shape[1] <= 0 {
			return nil, fmt.Errorf("tensor %s is no matrix", name)
		}
		width, known := widths[t.Type]
		switch size := t.Offsets[1] - t.Offsets[0]; {
		case !known:
			return nil, fmt.Errorf("tensor %s has numbers of type %s; F32, F16 and BF16 are known", name, t.Type)
		case t.Offsets[0] < 0 || size > maxAdapter || a.data+t.Offsets[1] > st.Size() || int64(t.Shape[0]) > maxAdapter/int64(t.Shape[1]) || size != int64(t.Shape[0])*int64(t.Shape[1])*width:
			return nil, fmt.Errorf("tensor %s does not have the bytes of its shape", name)
		}
		a.tensors[name] = t
	}
	if len(a.tensors) == 0 {
		return nil, errors.New("it has no tensors")
	}
	return a, nil
}

var names = regexp.MustCompile(`^(?:base_model\.model\.)?model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.lora_([AB])(?:\.default)?\.weight$`)

// projections are llama.cpp's names of PEFT's.
var projections = map[string]string{"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}

// part is a tensor on its way into a GGUF file.
type part struct {
	name   string // in the GGUF
	from   tensor
	heads  int // that its rows belong to, and are reordered within; 0: they stay
	offset uint64
}

func (p part) size() uint64 { return 4 * uint64(p.from.Shape[0]) * uint64(p.from.Shape[1]) }

// parts gives the tensors under llama.cpp's names, sorted.
func (a *Adapter) parts(base Base) ([]part, error) {
	arch, _ := base.Info["general.architecture"].(string)
	if arch == "" {
		return nil, sdk.Refuse("Ollama does not tell the architecture of the model that the adapter is for", "is it a model of texts?")
	}
	queries, keys := base.heads()
	var out []part
	for _, name := range slices.Sorted(maps.Keys(a.tensors)) {
		m := names.FindStringSubmatch(name)
		if m == nil || projections[m[2]] == "" {
			return nil, sdk.Refuse("the adapter changes "+name+", which Ollama has no place for", "train it on q, k, v, o, gate, up and down projections only")
		}
		p := part{from: a.tensors[name], name: "blk." + m[1] + "." + projections[m[2]] + ".weight.lora_" + map[string]string{"A": "a", "B": "b"}[m[3]]}
		if arch == "llama" && m[3] == "B" && (m[2] == "q" || m[2] == "k") {
			if p.heads = queries; m[2] == "k" {
				p.heads = keys
			}
			if p.heads <= 0 || p.from.Shape[0]%(2*p.heads) != 0 {
				return nil, sdk.Refuse(fmt.Sprintf("%s has %d rows, and the model %d heads", name, p.from.Shape[0], p.heads), "the adapter is for another model")
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// Write writes the adapter for a model as a new GGUF file, with its lora_alpha: version 3, every number F32. llama.cpp keeps the rows of llama's queries and keys in another order
// than PEFT, and so are the rows of their lora_b.
func (a *Adapter) Write(path string, base Base, alpha float64) error {
	parts, err := a.parts(base)
	if err != nil {
		return err
	}
	var h bytes.Buffer
	put := func(v any) { _ = binary.Write(&h, binary.LittleEndian, v) } // a buffer takes all
	text := func(s string) { put(uint64(len(s))); h.WriteString(s) }
	h.WriteString(Magic)
	put(uint32(3))
	put(uint64(len(parts)))
	put(uint64(4))
	for _, kv := range [][2]string{{"general.architecture", base.Info["general.architecture"].(string)}, {"general.type", "adapter"}, {"adapter.type", "lora"}} {
		text(kv[0])
		put(uint32(8)) // a string
		text(kv[1])
	}
	text("adapter.lora.alpha")
	put(uint32(6)) // a float32
	put(float32(alpha))
	var at uint64
	for i := range parts {
		p := &parts[i]
		p.offset = at
		text(p.name)
		put(uint32(2)) // dimensions, the innermost first
		put(uint64(p.from.Shape[1]))
		put(uint64(p.from.Shape[0]))
		put(uint32(0)) // F32
		put(at)
		at += (p.size() + ggufAlign - 1) / ggufAlign * ggufAlign
	}
	h.Write(make([]byte, (ggufAlign-h.Len()%ggufAlign)%ggufAlign))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if _, err := w.Write(h.Bytes()); err != nil {
		return err
	}
	for _, p := range parts {
		if err := a.copy(w, p); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, (ggufAlign-p.size()%ggufAlign)%ggufAlign)); err != nil {
			return err
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// copy writes the numbers of a tensor row by row.
func (a *Adapter) copy(w io.Writer, p part) error {
	rows, cols, width := p.from.Shape[0], p.from.Shape[1], int(widths[p.from.Type])
	raw, out := make([]byte, cols*width), make([]byte, cols*4)
	for i := range rows {
		from := i
		if p.heads > 0 {
			size := rows / p.heads
			from = i/size*size + i%2*(size/2) + i%size/2
		}
		if _, err := a.file.ReadAt(raw, a.data+p.from.Offsets[0]+int64(from)*int64(len(raw))); err != nil {
			return err
		}
		for c := range cols {
			binary.LittleEndian.PutUint32(out[4*c:], single(p.from.Type, raw[c*width:]))
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// single gives a number as the bits of a float32.
func single(kind string, b []byte) uint32 {
	switch kind {
	case "F32":
		return binary.LittleEndian.Uint32(b)
	case "BF16":
		return uint32(binary.LittleEndian.Uint16(b)) << 16
	}
	return half(binary.LittleEndian.Uint16(b))
}

// half widens a float16.
func half(h uint16) uint32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero, or too small for a leading one
		f := float32(frac) / (1 << 24)
		return sign | math.Float32bits(f)
	case 31:
		return sign | 255<<23 | frac<<13
	}
	return sign | (exp+112)<<23 | frac<<13
}
