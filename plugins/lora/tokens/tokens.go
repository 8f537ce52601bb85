// Package tokens splits texts as a model's tokenizer.json says: byte-pair encodings, over bytes as GPT-2 and Llama 3 have them, or over
// characters as Llama 2 has them.
package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlclark/regexp2"
)

// Tokenizer turns texts into tokens. It is safe for use by several goroutines.
type Tokenizer struct {
	vocab  map[string]int
	ranks  map[[2]string]int
	bytes  bool // letters stand for bytes
	marks  bool // words begin with ▁
	splits []splitter
	added  []added
	begin  int // put before every text; -1: none
	end    int // -1: none
}

type added struct {
	ID      int    `json:"id"`
	Content string `json:"content"`
}

// splitter cuts a text into pieces that are encoded each for itself.
type splitter func(string) ([]string, error)

// file is tokenizer.json.
type file struct {
	Added []added `json:"added_tokens"`
	Model struct {
		Type         string          `json:"type"`
		Vocab        map[string]int  `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		ByteFallback bool            `json:"byte_fallback"`
	} `json:"model"`
	Normalizer   *part `json:"normalizer"`
	PreTokenizer *part `json:"pre_tokenizer"`
}

// part is a normalizer or a pre-tokenizer.
type part struct {
	Type          string `json:"type"`
	Parts         []part `json:"pretokenizers"`
	Normalizers   []part `json:"normalizers"`
	UseRegex      *bool  `json:"use_regex"`
	Digits        bool   `json:"individual_digits"`
	PrependScheme string `json:"prepend_scheme"`
	Behavior      string `json:"behavior"`
	Invert        bool   `json:"invert"`
	Pattern       struct {
		Regex  string `json:"Regex"`
		String string `json:"String"`
	} `json:"pattern"`
}

// settings is tokenizer_config.json.
type settings struct {
	Begin    json.RawMessage `json:"bos_token"`
	End      json.RawMessage `json:"eos_token"`
	AddBegin *bool           `json:"add_bos_token"`
}

// Read reads tokenizer.json and tokenizer_config.json, which may be nil.
func Read(raw, config []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("tokenizer.json cannot be read: %w", err)
	}
	if f.Model.Type != "BPE" || len(f.Model.Vocab) == 0 {
		return nil, fmt.Errorf("tokenizer.json is of the type %q, not BPE", f.Model.Type)
	}
	t := &Tokenizer{vocab: f.Model.Vocab, added: f.Added, begin: -1, end: -1}
	slices.SortFunc(t.added, func(a, b added) int { return len(b.Content) - len(a.Content) }) // the longest first
	merges, err := f.merges()
	if err != nil {
		return nil, err
	}
	t.ranks = make(map[[2]string]int, len(merges))
	for i, m := range merges {
		t.ranks[m] = i
	}
	if f.PreTokenizer != nil {
		if err := t.prepare(*f.PreTokenizer); err != nil {
			return nil, err
		}
	}
	if t.marks = t.marks || f.Normalizer != nil && f.Normalizer.marks(); t.marks {
		if err := t.cut(`▁*[^▁]+|▁+`); err != nil { // nothing is joined across the beginning of a word
			return nil, err
		}
	}
	if !t.bytes && !f.Model.ByteFallback {
		return nil, errors.New("tokenizer.json has neither bytes as letters nor a fallback to bytes")
	}
	return t, t.configure(config)
}

func (f file) merges() ([][2]string, error) {
	var pairs [][2]string
	if json.Unmarshal(f.Model.Merges, &pairs) == nil {
		return pairs, nil
	}
	var lines []string
	if err := json.Unmarshal(f.Model.Merges, &lines); err != nil {
		return nil, fmt.Errorf("tokenizer.json: its merges cannot be read: %w", err)
	}
	for _, l := range lines {
		a, b, ok := strings.Cut(l, " ")
		if !ok {
			return nil, fmt.Errorf("tokenizer.json: %q is no merge of two", l)
		}
		pairs = append(pairs, [2]string{a, b})
	}
	return pairs, nil
}

// marks says whether a normalizer writes ▁ for spaces.
func (p part) marks() bool {
	return p.Type == "Replace" && p.Pattern.String == " " || slices.ContainsFunc(p.Normalizers, part.marks)
}

// words is how GPT-2 cuts texts.
const words = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

func (t *Tokenizer) prepare(p part) error {
	switch p.Type {
	case "Sequence":
		for _, q := range p.Parts {
			if err := t.prepare(q); err != nil {
				return err
			}
		}
		return nil
	case "ByteLevel":
		t.bytes = true
		if p.UseRegex == nil || *p.UseRegex {
			return t.cut(words)
		}
		return nil
	case "Metaspace":
		t.marks = true
		return nil
	case "Digits":
		if p.Digits {
			return t.cut(`\p{N}|[^\p{N}]+`)
		}
		return t.cut(`\p{N}+|[^\p{N}]+`)
	case "Split":
		if p.Behavior != "Isolated" || p.Invert || p.Pattern.Regex == "" {
			return fmt.Errorf("tokenizer.json splits by %q, %s, which is not known", p.Pattern, p.Behavior)
		}
		return t.cut(p.Pattern.Regex)
	default:
		return fmt.Errorf("tokenizer.json has a pre-tokenizer %s, which is not known", p.Type)
	}
}

// cut adds a splitter: what matches is a piece, and so is what lies between.
func (t *Tokenizer) cut(pattern string) error {
	re, err := regexp2.Compile(pattern, regexp2.None)
	if err != nil {
		return fmt.Errorf("tokenizer.json: %w", err)
	}
	t.splits = append(t.splits, func(text string) ([]string, error) {
		var out []string
		runes := []rune(text)
		at := 0
		m, err := re.FindRunesMatch(runes)
		for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
			if m.Index > at {
				out = append(out, string(runes[at:m.Index]))
			}
			if at = m.Index + m.Length; m.Length > 0 {
				out = append(out, m.String())
			}
		}
		if at < len(runes) {
			out = append(out, string(runes[at:]))
		}
		return out, err
	})
	return nil
}

func (t *Tokenizer) configure(raw []byte) error {
	if raw == nil {
		return nil
	}
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("tokenizer_config.json cannot be read: %w", err)
	}
	if s.AddBegin == nil || *s.AddBegin {
		t.begin = t.special(s.Begin)
	}
	t.end = t.special(s.End)
	return nil
}

// special gives the token of a text, or of an object that holds one; -1: none.
func (t *Tokenizer) special(raw json.RawMessage) int {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var a added
		if json.Unmarshal(raw, &a) != nil {
			return -1
		}
		text = a.Content
	}
	for _, a := range t.added {
		if a.Content == text {
			return a.ID
		}
	}
	if id, found := t.vocab[text]; found {
		return id
	}
	return -1
}

// Begin is the token that every text begins with, and End the one that ends it; -1: there is none.
func (t *Tokenizer) Begin() int { return t.begin }

// End is the token that ends a text; -1: there is none.
func (t *Tokenizer) End() int { return t.end }

// Most is the largest token there is.
func (t *Tokenizer) Most() int {
	most := 0
	for _, id := range t.vocab {
		most = max(most, id)
	}
	for _, a := range t.added {
		most = max(most, a.ID)
	}
	return most
}

// Encode gives a text's tokens, without one for its beginning or its end.
func (t *Tokenizer) Encode(text string) ([]int, error) {
	text = strings.ToValidUTF8(text, "�")
	for _, a := range t.added {
		if before, after, found := strings.Cut(text, a.Content); found && a.Content != "" {
			left, err := t.Encode(before)
			if err != nil {
				return nil, err
			}
			right, err := t.Encode(after)
			return append(append(left, a.ID), right...), err
		}
	}
	if text == "" {
		return nil, nil
	}
	if t.marks {
		text = "▁" + strings.ReplaceAll(text, " ", "▁")
	}
	pieces := []string{text}
	for _, split := range t.splits {
		var next []string
		for _, p := range pieces {
			parts, err := split(p)
			if err != nil {
				return nil, err
			}
			next = append(next, parts...)
		}
		pieces = next
	}
	var out []int
	for _, p := range pieces {
		ids, err := t.piece(p)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// piece joins the letters of a piece pair by pair, the pair of the lowest rank first.
func (t *Tokenizer) piece(text string) ([]int, error) {
	var letters []string
	if t.bytes {
		for i := range len(text) {
			letters = append(letters, string(letter(text[i])))
		}
	} else {
		for _, r := range text {
			letters = append(letters, string(r))
		}
	}
	for len(letters) > 1 {
		best, at := -1, 0
		for i := range len(letters) - 1 {
			pair := [2]string{letters[i], letters[i+1]}
			if r, found := t.ranks[pair]; found && (best < 0 || r < best) {
				if _, there := t.vocab[pair[0]+pair[1]]; there {
					best, at = r, i
				}
			}
		}
		if best < 0 {
			break
		}
		letters[at] += letters[at+1]
		letters = slices.Delete(letters, at+1, at+2)
	}
	var out []int
	for _, l := range letters {
		ids, err := t.ids(l)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// ids gives the token of a letter or of joined ones, or those of its bytes.
func (t *Tokenizer) ids(l string) ([]int, error) {
	if id, found := t.vocab[l]; found {
		return []int{id}, nil
	}
	var out []int
	for i := range len(l) {
		id, found := t.vocab[fmt.Sprintf("<0x%02X>", l[i])]
		if !found {
			return nil, fmt.Errorf("the tokenizer has nothing for %q", l)
		}
		out = append(out, id)
	}
	return out, nil
}

// letters are how byte-level encodings write bytes: printable ones as they are, the others from 256 on.
var letters = func() (out [256]rune) {
	next := rune(256)
	for b := range 256 {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			out[b] = rune(b)
		} else {
			out[b] = next
			next++
		}
	}
	return out
}()

func letter(b byte) rune { return letters[b] }

// Decode gives the text of tokens. Bytes that are no text become U+FFFD; tokens that are not known are left out.
func (t *Tokenizer) Decode(ids []int) string {
	names := make(map[int]string, len(t.vocab))
	for s, id := range t.vocab {
		names[id] = s
	}
	var raw []byte
	for _, id := range ids {
		if i := slices.IndexFunc(t.added, func(a added) bool { return a.ID == id }); i >= 0 {
			raw = append(raw, t.added[i].Content...)
			continue
		}
		raw = append(raw, t.raw(names[id])...)
	}
	text := strings.ToValidUTF8(string(raw), "�")
	if t.marks {
		text = strings.TrimPrefix(strings.ReplaceAll(text, "▁", " "), " ")
	}
	return text
}

// raw gives the bytes of a token.
func (t *Tokenizer) raw(name string) []byte {
	if !t.bytes {
		var b byte
		if n, err := fmt.Sscanf(name, "<0x%02X>", &b); err == nil && n == 1 && len(name) == 6 {
			return []byte{b}
		}
		return []byte(name)
	}
	var out []byte
	for _, r := range name {
		if b := slices.Index(letters[:], r); b >= 0 {
			out = append(out, byte(b))
		}
	}
	return out
}
