package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
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

// MagicGGUF is how a GGUF file begins.
const MagicGGUF = "GGUF"

const ggufAlign = 32

// Base is what has to be known of the model that an adapter is for.
type Base struct {
	Architecture string // as GGUF calls it, such as llama
	Queries      int    // heads of its queries; only of a llama
	Keys         int    // heads of its keys
}

var adapterNames = regexp.MustCompile(`^(?:base_model\.model\.)?model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.lora_([AB])(?:\.default)?\.weight$`)

// projections are llama.cpp's names of PEFT's.
var projections = map[string]string{"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}

// part is a matrix on its way into a GGUF file.
type part struct {
	from       string // its name in the safetensors
	name       string // in the GGUF
	rows, cols int
	heads      int // that its rows belong to, and are reordered within; 0: they stay
	offset     uint64
}

func (p part) size() uint64   { return 4 * uint64(p.rows) * uint64(p.cols) }
func (p part) padded() uint64 { return (p.size() + ggufAlign - 1) / ggufAlign * ggufAlign }

// parts gives the matrices of an adapter under llama.cpp's names, sorted.
func (f *File) parts(base Base) ([]part, error) {
	if base.Architecture == "" {
		return nil, sdk.Refuse("the architecture of the model that the adapter is for is not known", "is it a model of texts?")
	}
	var out []part
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		m, t := adapterNames.FindStringSubmatch(name), f.Tensors[name]
		if m == nil || projections[m[2]] == "" {
			return nil, sdk.Refuse("the adapter changes "+name+", which Ollama has no place for", "train it on q, k, v, o, gate, up and down projections only")
		}
		if len(t.Shape) != 2 || t.Count() == 0 {
			return nil, sdk.Refuse(fmt.Sprintf("tensor %s is no matrix: %v", name, t.Shape), "is it a LoRA as PEFT saves it?")
		}
		p := part{from: name, rows: t.Shape[0], cols: t.Shape[1], name: "blk." + m[1] + "." + projections[m[2]] + ".weight.lora_" + map[string]string{"A": "a", "B": "b"}[m[3]]}
		if base.Architecture == "llama" && m[3] == "B" && (m[2] == "q" || m[2] == "k") {
			if p.heads = base.Queries; m[2] == "k" {
				p.heads = base.Keys
			}
			if p.heads <= 0 || p.rows%(2*p.heads) != 0 {
				return nil, sdk.Refuse(fmt.Sprintf("%s has %d rows, and the model %d heads", name, p.rows, p.heads), "the adapter is for another model")
			}
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, sdk.Refuse("the adapter has no tensors", "give a LoRA as PEFT saves it")
	}
	return out, nil
}

// WriteAdapter writes a LoRA, as PEFT saves it, as a new GGUF file for llama.cpp and Ollama, with its lora_alpha: version 3, every number F32.
// llama.cpp keeps the rows of a llama's queries and keys in another order than PEFT, and so are the rows of their lora_B.
func (f *File) WriteAdapter(path string, base Base, alpha float64) error {
	parts, err := f.parts(base)
	if err != nil {
		return err
	}
	head := ggufHead(parts, base, alpha)
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	_, err = w.Write(head)
	for _, p := range parts {
		if err == nil {
			err = f.put(w, p)
		}
	}
	return errors.Join(err, w.Flush(), out.Close())
}

// ggufHead gives the head of a file with some matrices, and sets where each lies.
func ggufHead(parts []part, base Base, alpha float64) []byte {
	var h bytes.Buffer
	put := func(v any) { _ = binary.Write(&h, binary.LittleEndian, v) } // a buffer takes all
	text := func(s string) { put(uint64(len(s))); h.WriteString(s) }
	h.WriteString(MagicGGUF)
	put(uint32(3))
	put(uint64(len(parts)))
	put(uint64(4))
	for _, kv := range [][2]string{{"general.architecture", base.Architecture}, {"general.type", "adapter"}, {"adapter.type", "lora"}} {
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
		put(uint64(p.cols))
		put(uint64(p.rows))
		put(uint32(0)) // F32
		put(at)
		at += p.padded()
	}
	h.Write(make([]byte, (ggufAlign-h.Len()%ggufAlign)%ggufAlign))
	return h.Bytes()
}

// put writes the numbers of a matrix row by row.
func (f *File) put(w io.Writer, p part) error {
	data, err := f.Floats(p.from, p.rows, p.cols)
	if err != nil {
		return err
	}
	out := make([]byte, p.cols*4)
	for i := range p.rows {
		from := i
		if p.heads > 0 {
			size := p.rows / p.heads
			from = i/size*size + i%2*(size/2) + i%size/2
		}
		for c, v := range data[from*p.cols : (from+1)*p.cols] {
			binary.LittleEndian.PutUint32(out[4*c:], math.Float32bits(v))
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	_, err = w.Write(make([]byte, p.padded()-p.size()))
	return err
}
