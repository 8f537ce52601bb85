package tokens

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// bytesVocab is a vocabulary of all bytes as letters, and more.
func bytesVocab(more ...string) map[string]int {
	out := map[string]int{}
	for b, r := range letters {
		out[string(r)] = b
	}
	for i, m := range more {
		out[m] = 256 + i
	}
	return out
}

func read(t testing.TB, model, pre, normalizer any, added []map[string]any, config string) *Tokenizer {
	raw, err := json.Marshal(map[string]any{"model": model, "pre_tokenizer": pre, "normalizer": normalizer, "added_tokens": added})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Read(raw, []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestBytes: an encoding of bytes joins by rank, cuts as GPT-2 and Llama 3 do, and gives the text back.
func TestBytes(t *testing.T) {
	t.Parallel()
	model := map[string]any{"type": "BPE", "vocab": bytesVocab("he", "ll", "hell", "Ġw", "123"), "merges": []string{"he ll", "l l", "h e", "Ġ w", "1 2", "12 3"}}
	special := []map[string]any{{"id": 300, "content": "<s>"}, {"id": 301, "content": "</s>"}}
	tok := read(t, model, map[string]any{"type": "ByteLevel"}, nil, special, `{"bos_token": "<s>", "eos_token": {"content": "</s>"}}`)
	if tok.Begin() != 300 || tok.End() != 301 || tok.Most() != 301 {
		t.Error(tok.Begin(), tok.End(), tok.Most())
	}
	for text, want := range map[string][]int{
		"hello w":   {258, 'o', 259},
		"he":        {256},
		"123":       {'1', '2', '3'}, // "12" is no token
		"a</s>b":    {'a', 301, 'b'},
		"":          nil,
		"é":         {0xc3, 0xa9},
		"x  w":      {'x', 32, 259}, // the space before a word goes with it
		"\xff":      {0xef, 0xbf, 0xbd},
		"it's well": {'i', 't', '\'', 's', 259, 'e', 257},
	} {
		got, err := tok.Encode(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if back := tok.Decode(got); back != strings.ToValidUTF8(text, "�") {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
	three := read(t, map[string]any{"type": "BPE", "vocab": bytesVocab("12", "123"), "merges": [][2]string{{"1", "2"}, {"12", "3"}}},
		map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "Split", "behavior": "Isolated", "pattern": map[string]any{"Regex": `\p{N}{1,3}|[^\p{N}]+`}}, map[string]any{"type": "ByteLevel", "use_regex": false}}}, nil, nil, "{}")
	if got, err := three.Encode("a1234"); err != nil || !slices.Equal(got, []int{'a', 257, '4'}) {
		t.Error(got, err)
	}
	digits := read(t, map[string]any{"type": "BPE", "vocab": bytesVocab("12"), "merges": []string{"1 2"}},
		map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "Digits", "individual_digits": true}, map[string]any{"type": "ByteLevel"}}}, nil, nil, "{}")
	if got, err := digits.Encode("12"); err != nil || !slices.Equal(got, []int{'1', '2'}) {
		t.Error(got, err)
	}
}

// TestMarks: an encoding of characters marks words, and writes bytes of what it does not know.
func TestMarks(t *testing.T) {
	t.Parallel()
	vocab := map[string]int{"▁": 1, "h": 2, "i": 3, "▁h": 4, "▁hi": 5, "▁▁": 6, "<s>": 7}
	for b := range 256 {
		vocab[fmt.Sprintf("<0x%02X>", b)] = 100 + b
	}
	tok := read(t, map[string]any{"type": "BPE", "vocab": vocab, "byte_fallback": true, "merges": []string{"▁ h", "▁h i", "▁ ▁"}}, nil,
		map[string]any{"type": "Sequence", "normalizers": []any{map[string]any{"type": "Prepend"}, map[string]any{"type": "Replace", "pattern": map[string]any{"String": " "}}}}, nil, `{"bos_token": "<s>"}`)
	for text, want := range map[string][]int{"hi hi": {5, 5}, "hi  ": {5, 6}, "é": {1, 100 + 0xc3, 100 + 0xa9}} {
		got, err := tok.Encode(text)
		if err != nil || !slices.Equal(got, want) || tok.Begin() != 7 {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if back := tok.Decode(got); back != text {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
}

// TestRefused: what is not known is said.
func TestRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{`: "cannot be read",
		`{"model": {"type": "Unigram", "vocab": {"a": 1}}}`:                                                                                                  "Unigram",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": ["ab"]}}`:                                                                                    "no merge",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": 7}}`:                                                                                         "merges",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": []}}`:                                                                                        "neither",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": []}, "pre_tokenizer": {"type": "Whitespace"}}`:                                               "Whitespace",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": []}, "pre_tokenizer": {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "("}}}`: "tokenizer.json",
		`{"model": {"type": "BPE", "vocab": {"a": 1}, "merges": []}, "pre_tokenizer": {"type": "Split", "behavior": "Removed"}}`:                             "splits",
	} {
		if _, err := Read([]byte(raw), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	model := map[string]any{"type": "BPE", "vocab": bytesVocab("he"), "merges": []string{"h e"}}
	tok := read(f, model, map[string]any{"type": "ByteLevel"}, nil, []map[string]any{{"id": 300, "content": "<s>"}}, "{}")
	f.Add("hello, world  \n 12's")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := tok.Encode(text)
		if back := tok.Decode(ids); err != nil || back != strings.ToValidUTF8(text, "�") {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
	})
}
