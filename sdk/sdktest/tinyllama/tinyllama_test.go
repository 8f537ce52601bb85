package tinyllama

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestTokenizer: tokenizer.json has what Hugging Face's library wants of one, or it loads nothing of it.
func TestTokenizer(t *testing.T) {
	t.Parallel()
	files := Files()
	var f struct {
		Version string
		Added   []struct {
			ID                  *int
			Content             *string
			Single              *bool `json:"single_word"`
			Left                *bool `json:"lstrip"`
			Right               *bool `json:"rstrip"`
			Normalized, Special *bool
		} `json:"added_tokens"`
		Before  map[string]any `json:"pre_tokenizer"`
		Decoder map[string]any
		After   struct {
			Type    string
			Special map[string]struct{ IDs []int } `json:"special_tokens"`
		} `json:"post_processor"`
		Model struct {
			Vocab  map[string]int
			Merges []string
		}
	}
	if err := json.Unmarshal(files["tokenizer.json"], &f); err != nil || f.Version != "1.0" {
		t.Fatalf("version %q, %v", f.Version, err)
	}
	seen := map[int]string{}
	for text, id := range f.Model.Vocab {
		seen[id] = text
	}
	ids := map[string]int{}
	for _, a := range f.Added {
		if a.ID == nil || a.Content == nil || a.Single == nil || a.Left == nil || a.Right == nil || a.Normalized == nil || a.Special == nil || !*a.Special {
			t.Fatalf("an added token lacks a field: %s", files["tokenizer.json"])
		}
		seen[*a.ID], ids[*a.Content] = *a.Content, *a.ID
	}
	if len(f.Model.Vocab)+len(f.Added) != vocabulary || len(seen) != vocabulary {
		t.Errorf("%d tokens and %d added ones have %d ids, and the model %d", len(f.Model.Vocab), len(f.Added), len(seen), vocabulary)
	}
	for id := range vocabulary {
		if seen[id] == "" {
			t.Errorf("no token has the id %d", id)
		}
	}
	for _, m := range f.Model.Merges {
		a, b, _ := strings.Cut(m, " ")
		for _, text := range []string{a, b, a + b} {
			if _, found := f.Model.Vocab[text]; !found {
				t.Errorf("%q, of the merge %q, is no token", text, m)
			}
		}
	}
	for name, part := range map[string]map[string]any{"pre_tokenizer": f.Before, "decoder": f.Decoder} {
		for _, field := range []string{"add_prefix_space", "trim_offsets", "use_regex"} {
			if _, is := part[field].(bool); !is || part["type"] != "ByteLevel" {
				t.Errorf("%s: %v has no %s", name, part, field)
			}
		}
	}
	if got := f.After.Special["<s>"].IDs; f.After.Type != "TemplateProcessing" || len(got) != 1 || got[0] != ids["<s>"] {
		t.Errorf("texts begin with %v, want %d", got, ids["<s>"])
	}
	var c struct {
		Begin int `json:"bos_token_id"`
		End   int `json:"eos_token_id"`
		Size  int `json:"vocab_size"`
	}
	if err := json.Unmarshal(files["config.json"], &c); err != nil || c.Begin != ids["<s>"] || c.End != ids["</s>"] || c.Size != vocabulary {
		t.Errorf("config.json says %+v, the tokenizer %v, %v", c, ids, err)
	}
}
