package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/api"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	say     = 100 * time.Millisecond // between two looks at a text that grows
	tailing = 160                    // bytes of it that are shown
)

// reply is a text that comes in pieces.
type reply struct {
	model, path string
	t           *sdk.Task

	text, thinking strings.Builder
	inline         inline
	tokens         int
	wishes         []wish
	end            *part // the last piece
	first, last    time.Time
	shown          time.Time
}

// part is one piece of a chat or a completion.
type part struct {
	Message struct {
		Content  string
		Thinking string
		Calls    []wish `json:"tool_calls"`
	}
	Response     string
	Thinking     string
	Done         bool
	Reason       string `json:"done_reason"`
	PromptTokens int    `json:"prompt_eval_count"`
	Tokens       int    `json:"eval_count"`
}

// hear asks and takes in the pieces, shown as they come, until the last. One that lacks a last is cut off.
func (r *reply) hear(ctx context.Context, c *api.Client, body any) error {
	err := c.Stream(ctx, http.MethodPost, r.path, body, r.take)
	if err == nil && r.end == nil {
		err = sdk.Fail(fmt.Sprintf("the answer of %s was cut off after %d pieces", r.model, r.tokens), "Ollama may have crashed: its log knows more; try again")
	}
	return stopped(ctx, err, r.where())
}

func (r *reply) take(line []byte) error {
	var p part
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	now := time.Now()
	if r.first.IsZero() {
		r.first = now
	}
	r.last = now
	r.tokens++
	r.wishes = append(r.wishes, p.Message.Calls...)
	r.thinking.WriteString(p.Message.Thinking)
	r.thinking.WriteString(p.Thinking)
	text, thought := r.inline.take(p.Message.Content + p.Response)
	if p.Done {
		more, thoughts := r.inline.rest()
		text, thought, r.end = text+more, thought+thoughts, &p
	}
	r.text.WriteString(text)
	r.thinking.WriteString(thought)
	if p.Done || now.Sub(r.shown) >= say {
		r.shown = now
		r.show()
	}
	return nil
}

// show reports how the text ends by now.
func (r *reply) show() {
	text, what := r.text.String(), ""
	if text == "" && r.thinking.Len() > 0 {
		text, what = r.thinking.String(), "thinking: "
	}
	if len(text) > tailing {
		text, what = strings.ToValidUTF8(text[len(text)-tailing:], ""), what+"…"
	}
	r.t.Progress(-1, what+strings.Join(strings.Fields(text), " "))
}

// where says how far it came.
func (r *reply) where() string {
	if r.first.IsZero() {
		return r.model + " was asked: it was loaded, and said nothing"
	}
	return fmt.Sprintf("%s spoke: %d pieces, the last %s ago, ending in %q", r.model, r.tokens, time.Since(r.last).Round(time.Millisecond), ending(r.text.String(), tailing))
}

func ending(text string, most int) string {
	return strings.ToValidUTF8(text[max(0, len(text)-most):], "")
}

// inline parts thinking from the text where a server or a model does not: text that begins with <think> and has a </think>.
type inline struct {
	state int // 0: nothing seen yet, 1: within, 2: just past it, 3: text
	held  string
}

const opens, closes = "<think>", "</think>"

// take gives what of the held and the new is text, and what is thinking; the rest is held until it is known.
func (i *inline) take(piece string) (text, thought string) {
	i.held += piece
	if i.state == 0 {
		switch begin := strings.TrimLeft(i.held, " \t\r\n"); {
		case strings.HasPrefix(begin, opens):
			i.state, i.held = 1, begin[len(opens):]
		case strings.HasPrefix(opens, begin): // it may become one
			return "", ""
		default:
			i.state = 3
		}
	}
	if i.state == 1 {
		before, after, found := strings.Cut(i.held, closes)
		if found {
			thought, i.state, i.held = before, 2, after
		} else {
			keep := 0 // of what may be the beginning of the close
			for n := min(len(closes)-1, len(before)); n > 0 && keep == 0; n-- {
				if strings.HasSuffix(before, closes[:n]) {
					keep = n
				}
			}
			i.held = before[len(before)-keep:]
			return "", before[:len(before)-keep]
		}
	}
	if i.state == 2 {
		if i.held = strings.TrimLeft(i.held, "\r\n"); i.held != "" {
			i.state = 3
		}
	}
	text, i.held = i.held, ""
	return text, thought
}

// rest gives what was held back when no more comes.
func (i *inline) rest() (text, thought string) {
	if i.state == 1 {
		return "", i.held
	}
	return i.held, ""
}

// schemaJSON gives a type as the plain JSON Schema that Ollama makes a grammar of.
func schemaJSON(s *sdk.Schema) (any, error) {
	if s.XType != "" {
		return nil, sdk.Refuse("answer: a model can give no artifact and no type", "ask for texts, numbers, lists and objects")
	}
	m := map[string]any{}
	if s.Type != "" {
		m["type"] = s.Type
	}
	if s.Description != "" {
		m["description"] = s.Description
	}
	if len(s.Enum) > 0 {
		m["enum"] = s.Enum
	}
	for name, n := range map[string]*json.Number{"minimum": s.Minimum, "maximum": s.Maximum} {
		if n != nil {
			m[name] = *n
		}
	}
	if s.MinItems != nil {
		m["minItems"] = *s.MinItems
	}
	if s.MaxItems != nil {
		m["maxItems"] = *s.MaxItems
	}
	var err error
	if s.Items != nil {
		if m["items"], err = schemaJSON(s.Items); err != nil {
			return nil, err
		}
	}
	switch {
	case s.Type != "object":
		return m, nil
	case s.Additional != nil:
		if m["additionalProperties"], err = schemaJSON(s.Additional); err != nil {
			return nil, err
		}
	default:
		m["additionalProperties"] = false
	}
	properties := map[string]any{}
	for _, p := range s.Properties {
		if properties[p.Name], err = schemaJSON(&p.Schema); err != nil {
			return nil, err
		}
	}
	m["properties"], m["required"] = properties, append([]string{}, s.Required...)
	return m, nil
}

// format is what Ollama holds an answer to: a schema, or JSON of any kind.
func format(s *sdk.Schema) (any, error) {
	if s.Type == "" && len(s.Enum) == 0 && s.XType == "" {
		return "json", nil
	}
	return schemaJSON(s)
}

// read makes a value of an answer, or says what is wrong with it.
func read(text string, s *sdk.Schema) (v any, wrong string) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, "it is no JSON: " + err.Error()
	}
	if d.More() {
		return nil, "there is text after the JSON"
	}
	if v == nil && s.Type != "" {
		return nil, "it is null"
	}
	var all []string
	for _, x := range s.Check(v) {
		all = append(all, x.String())
	}
	return v, strings.Join(slices.Compact(all)[:min(len(all), 10)], "; ")
}
