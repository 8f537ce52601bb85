// Package tinyllama writes a language model of 100,000 random numbers, for tests of what trains or runs models: a Llama with a token for each
// byte, in the files that Hugging Face's libraries load. What it says has no sense, and is the same each time.
package tinyllama

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	hidden, layers, heads, kvHeads, forward = 64, 2, 4, 2, 128
	begin, end                              = 258, 259
	vocabulary                              = 260 // bytes, two merges, begin, end
)

// object is one of JSON.
type object = map[string]any

// Files gives the model's files by their names.
func Files() map[string][]byte {
	return map[string][]byte{
		"config.json": encode(object{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": hidden, "num_hidden_layers": layers,
			"num_attention_heads": heads, "num_key_value_heads": kvHeads, "intermediate_size": forward, "vocab_size": vocabulary, "max_position_embeddings": 2048,
			"rms_norm_eps": 1e-5, "rope_theta": 10000.0, "bos_token_id": begin, "eos_token_id": end, "torch_dtype": "float16"}),
		"tokenizer.json": encode(tokenizer()),
		"tokenizer_config.json": encode(object{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 2048, "bos_token": "<s>", "eos_token": "</s>",
			"add_bos_token": true, "add_eos_token": false}),
		"model.safetensors": weights(),
	}
}

// tokenizer is one that the library tokenizers reads, which takes nothing for granted: every part has all of its fields, and what a merge
// makes is in the vocabulary.
func tokenizer() object {
	vocab := map[string]int{"he": 256, "ll": 257}
	for b := range 256 {
		vocab[string(letter(b))] = b
	}
	special := func(id int, text string) object {
		return object{"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	level := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	piece := func(kind, id string) object { return object{kind: object{"id": id, "type_id": 0}} }
	first := piece("SpecialToken", "<s>")
	return object{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil, "added_tokens": []any{special(begin, "<s>"), special(end, "</s>")},
		"pre_tokenizer": level, "decoder": level,
		"post_processor": object{"type": "TemplateProcessing", "single": []any{first, piece("Sequence", "A")}, "pair": []any{first, piece("Sequence", "A"), first, piece("Sequence", "B")},
			"special_tokens": object{"<s>": object{"id": "<s>", "ids": []int{begin}, "tokens": []string{"<s>"}}}},
		"model": object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
			"ignore_merges": false, "vocab": vocab, "merges": []string{"h e", "l l"}},
	}
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values
	}
	return raw
}

// letter is how byte-level BPE writes a byte: printable ones as they are, the others from 256 on.
func letter(b int) rune {
	plain := func(b int) bool { return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae }
	if plain(b) {
		return rune(b)
	}
	n := 0
	for x := range b {
		if !plain(x) {
			n++
		}
	}
	return rune(256 + n)
}

func weights() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	head := object{}
	var data bytes.Buffer
	add := func(name string, shape ...int) {
		from, n := data.Len(), 1
		for _, d := range shape {
			n *= d
		}
		for range n {
			x := float32(1)
			if len(shape) > 1 {
				x = float32(r.NormFloat64() * 0.08)
			}
			_ = binary.Write(&data, binary.LittleEndian, Half(x))
		}
		head[name] = object{"dtype": "F16", "shape": shape, "data_offsets": []int{from, data.Len()}}
	}
	add("model.embed_tokens.weight", vocabulary, hidden)
	for i := range layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		add(p+"input_layernorm.weight", hidden)
		add(p+"post_attention_layernorm.weight", hidden)
		add(p+"self_attn.q_proj.weight", hidden, hidden)
		add(p+"self_attn.k_proj.weight", hidden*kvHeads/heads, hidden)
		add(p+"self_attn.v_proj.weight", hidden*kvHeads/heads, hidden)
		add(p+"self_attn.o_proj.weight", hidden, hidden)
		add(p+"mlp.gate_proj.weight", forward, hidden)
		add(p+"mlp.up_proj.weight", forward, hidden)
		add(p+"mlp.down_proj.weight", hidden, forward)
	}
	add("model.norm.weight", hidden)
	add("lm_head.weight", vocabulary, hidden)
	clear(data.Bytes()[data.Len()-2*hidden:]) // the end is never among the likeliest: only a format or a limit ends what it says
	raw := encode(head)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...), data.Bytes()...)
}

// Half rounds a number to a float16, towards zero; what is too small becomes zero.
func Half(x float32) uint16 {
	b := math.Float32bits(x)
	exp := int(b>>23&255) - 112
	if exp <= 0 {
		return uint16(b >> 31 << 15)
	}
	return uint16(b>>31<<15) | uint16(exp)<<10 | uint16(b>>13&1023)
}
