// Command wordcount is a control node without a kit: a WASI command. It reads a task as JSON and prints the result.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

const manifest = `{"name": "wordcount", "version": "1.0.0", "description": "Counts words", "node_types": [{
  "name": "wordcount.top", "description": "Finds the words that a text has most often", "revision": "1", "idempotent": true,
  "inputs": {"type": "object", "required": ["text"], "properties": {
    "text": {"type": "string", "description": "Any text"},
    "most": {"type": "integer", "description": "How many words", "minimum": 1, "default": 3}}},
  "outputs": {"type": "object", "required": ["words"], "properties": {
    "words": {"type": "array", "description": "The most frequent first", "items": {"type": "object",
      "required": ["word", "count"], "properties": {"word": {"type": "string"}, "count": {"type": "integer"}}}}}}
}]}`

type word struct {
	Word  string `json:"word"`
	Count int    `json:"count"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "describe" {
		fmt.Println(manifest)
		return
	}
	var task struct {
		Inputs struct {
			Text string `json:"text"`
			Most *int   `json:"most"`
		} `json:"inputs"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&task); err != nil {
		refuse("the task cannot be read: "+err.Error(), "see what it takes: spinbot node-types wordcount.top")
	}
	words := top(task.Inputs.Text)
	if len(words) == 0 {
		refuse("the text has no word", "give a text with at least one")
	}
	most := 3
	if task.Inputs.Most != nil {
		most = *task.Inputs.Most
	}
	print("outputs", map[string]any{"words": words[:min(len(words), max(1, most))]})
}

// top gives the words of a text, the most frequent first.
func top(text string) []word {
	counts := map[string]int{}
	for _, w := range strings.Fields(strings.ToLower(text)) {
		if w = strings.Trim(w, ".,;:!?()\"'"); w != "" {
			counts[w]++
		}
	}
	words := make([]word, 0, len(counts))
	for w, n := range counts {
		words = append(words, word{w, n})
	}
	slices.SortFunc(words, func(a, b word) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Word, b.Word)
	})
	return words
}

func refuse(message, hint string) {
	print("error", map[string]any{"message": message, "hint": hint, "permanent": true})
	os.Exit(1)
}

func print(key string, v any) { _ = json.NewEncoder(os.Stdout).Encode(map[string]any{key: v}) }
