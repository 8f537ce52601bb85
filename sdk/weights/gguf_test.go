package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdapter: the GGUF has llama.cpp's names and sizes, and the rows of queries in llama.cpp's order.
func TestAdapter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	matrix := func(name string, rows, cols int) New {
		n := New{Name: "base_model.model.model.layers.0." + name + ".weight", Shape: []int{rows, cols}}
		for i := range rows * cols {
			n.Data = append(n.Data, float32(i/cols)) // the number of the row
		}
		return n
	}
	source := filepath.Join(dir, "adapter_model.safetensors")
	if err := Write(source, nil, []New{matrix("self_attn.q_proj.lora_A", 2, 64), matrix("self_attn.q_proj.lora_B", 64, 2), matrix("mlp.down_proj.lora_A", 2, 127), matrix("mlp.down_proj.lora_B", 64, 2)}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	path := filepath.Join(dir, "a.gguf")
	if err := f.WriteAdapter(path, Base{"llama", 4, 2}, 8); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b", "blk.0.ffn_down.weight.lora_a", "blk.0.ffn_down.weight.lora_b"} {
		if !bytes.Contains(raw, []byte(name)) {
			t.Errorf("%s is not there", name)
		}
	}
	at := bytes.Index(raw, []byte("blk.0.attn_q.weight.lora_b")) + len("blk.0.attn_q.weight.lora_b")
	offset := int(binary.LittleEndian.Uint64(raw[at+4+16+4:]))
	const odd = 2 * 127 * 4 // is padded
	body := len(raw) - (64*2+2*64+64*2)*4 - (odd+ggufAlign-1)/ggufAlign*ggufAlign
	row := func(i int) int { return int(math.Float32frombits(binary.LittleEndian.Uint32(raw[body+offset+i*2*4:]))) }
	for i, want := range []int{0, 8, 1, 9, 2, 10} {
		if row(i) != want || row(16+i) != 16+want {
			t.Errorf("rows %d and %d are %d and %d, want %d and %d", i, 16+i, row(i), row(16+i), want, 16+want)
		}
	}
	for want, base := range map[string]Base{"is for another model": {"llama", 7, 7}, "architecture": {}} {
		if err := f.WriteAdapter(filepath.Join(dir, "x"), base, 8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, name := range map[string]string{"no place for": "lm_head", "is no matrix": "self_attn.q_proj.lora_A"} {
		bad := matrix(name, 1, 4)
		bad.Shape = []int{4}
		path := filepath.Join(t.TempDir(), "b")
		if err := Write(path, nil, []New{bad}); err != nil {
			t.Fatal(err)
		}
		b, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.WriteAdapter(filepath.Join(t.TempDir(), "x"), Base{"llama", 4, 2}, 8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		_ = b.Close()
	}
}
