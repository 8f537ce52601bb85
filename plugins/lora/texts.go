package main

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

// text is one text to learn: whole, or what completes a prompt, or a talk.
type text struct {
	Text       string    `json:"text,omitempty"`
	Prompt     string    `json:"prompt,omitempty"`
	Completion string    `json:"completion,omitempty"`
	Messages   []message `json:"messages,omitempty"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// form says which of the three it is.
func (t text) form() string {
	switch {
	case len(t.Messages) > 0:
		return "messages"
	case t.Completion != "":
		return "completion"
	default:
		return "text"
	}
}

// texts reads the texts of a folder: each line of JSONL is one, and each other file. All are of one form.
func texts(dir string) ([]text, error) {
	paths, err := files(dir, ".jsonl", ".txt", ".md")
	if err != nil {
		return nil, err
	}
	var out []text
	for _, p := range paths {
		var more []text
		if strings.HasSuffix(strings.ToLower(p), ".jsonl") {
			more, err = lines(p)
		} else {
			var raw []byte
			raw, err = os.ReadFile(p)
			more = []text{{Text: strings.TrimSpace(string(raw))}}
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
		if t.form() != out[0].form() {
			return nil, sdk.Refuse(fmt.Sprintf("the dataset mixes forms: the first text is of the form %s, text %d of %s", out[0].form(), i+1, t.form()), "give texts of one form")
		}
		if t.form() == "text" && t.Text == "" {
			return nil, sdk.Refuse(fmt.Sprintf("text %d of the dataset is empty", i+1), "give "+forms)
		}
	}
	return out, nil
}

func lines(path string) ([]text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	var out []text
	for n := 1; s.Scan(); n++ {
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		var t struct {
			text
			Response string `json:"response"` // some say so
		}
		if err := json.Unmarshal(s.Bytes(), &t); err != nil {
			return nil, sdk.Refuse(fmt.Sprintf("line %d is no JSON object of texts: %v", n, err), "write one object in each line")
		}
		if t.Completion == "" {
			t.Completion = t.Response
		}
		out = append(out, t.text)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, sdk.Refuse("a line is longer than 16 MiB", "split it")
	}
	return out, s.Err()
}

// writeTexts writes texts as JSONL, all in their one form.
func writeTexts(w io.Writer, all []text) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, t := range all {
		if err := e.Encode(t); err != nil {
			return err
		}
	}
	return nil
}
