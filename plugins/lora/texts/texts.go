// Package texts is what a training learns from: files and archives laid out in a folder, and the texts that lie there.
package texts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

const maxLine = 16 << 20 // bytes of one text

// Text is one text to learn: whole, or what completes a prompt, or a talk.
type Text struct {
	Text       string    `json:"text,omitempty"`
	Prompt     string    `json:"prompt,omitempty"`
	Completion string    `json:"completion,omitempty"`
	Messages   []Message `json:"messages,omitempty"`
}

// Message is one of a talk.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Form says which of the three it is.
func (t Text) Form() string {
	switch {
	case len(t.Messages) > 0:
		return "messages"
	case t.Completion != "":
		return "completion"
	default:
		return "text"
	}
}

// Read reads the texts of a folder: each line of JSONL is one, and each other file. All are of one form.
func Read(dir string) ([]Text, error) {
	paths, err := Files(dir, ".jsonl", ".txt", ".md")
	if err != nil {
		return nil, err
	}
	var out []Text
	for _, p := range paths {
		var more []Text
		if strings.HasSuffix(strings.ToLower(p), ".jsonl") {
			more, err = lines(p)
		} else {
			var raw []byte
			raw, err = os.ReadFile(p)
			more = []Text{{Text: strings.TrimSpace(string(raw))}}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
		out = append(out, more...)
	}
	const forms = `lines such as {"text": "…"}, {"prompt": "…", "completion": "…"} or {"messages": [{"role": "user", "content": "…"}, …]}, or .txt and .md files`
	if len(out) == 0 {
		return nil, sdk.Refuse("the dataset has no texts", "give JSONL with "+forms)
	}
	for i, t := range out {
		if t.Form() != out[0].Form() {
			return nil, sdk.Refuse(fmt.Sprintf("the dataset mixes forms: the first text is of the form %s, text %d of %s", out[0].Form(), i+1, t.Form()), "give texts of one form")
		}
		if t.Form() == "text" && t.Text == "" {
			return nil, sdk.Refuse(fmt.Sprintf("text %d of the dataset is empty", i+1), "give "+forms)
		}
	}
	return out, nil
}

func lines(path string) ([]Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	var out []Text
	for n := 1; s.Scan(); n++ {
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		var t struct {
			Text
			Response string `json:"response"` // some say so
		}
		if err := json.Unmarshal(s.Bytes(), &t); err != nil {
			return nil, sdk.Refuse(fmt.Sprintf("line %d is no JSON object of texts: %v", n, err), "write one object in each line")
		}
		if t.Completion == "" {
			t.Completion = t.Response
		}
		out = append(out, t.Text)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, sdk.Refuse("a line is longer than 16 MiB", "split it")
	}
	return out, s.Err()
}

// Write writes texts as JSONL, all in their one form.
func Write(w io.Writer, all []Text) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, t := range all {
		if err := e.Encode(t); err != nil {
			return err
		}
	}
	return nil
}
