package ollamatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// chat answers /api/chat and /api/generate.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	in := body(r)
	name := strings.TrimSuffix(fmt.Sprint(in["model"]), ":latest")
	messages, _ := in["messages"].([]any)
	prompt, _ := in["prompt"].(string)
	ends := map[string]any{"model": name, "done": true}
	switch {
	case len(messages) > 0 || prompt != "":
	case in["keep_alive"] == 0.0:
		s.drop(full(name))
		ends["done_reason"] = "unload"
		answer(w, 200, ends)
		return
	default:
		if s.load(w, r, name) {
			ends["done_reason"] = "load"
			answer(w, 200, ends)
		}
		return
	}
	if !s.load(w, r, name) {
		return
	}
	s.note(in)
	switch name {
	case "broken":
		answer(w, 500, map[string]any{"error": "llama runner process has terminated: exit status 2"})
	case "html":
		fmt.Fprintln(w, "<html><body>Welcome to nginx</body></html>")
	case "calls", "clumsy":
		s.wish(w, in, name, messages)
	case "embed":
		answer(w, 400, map[string]any{"error": `"embed" does not support chat`})
	default:
		if in["tools"] != nil {
			answer(w, 400, map[string]any{"error": `"` + name + `" does not support tools`})
			return
		}
		s.speak(w, r, in, name, strings.Contains(prompt, "cannot be used") || len(messages) > 2)
	}
}

// wish asks for a call, and when it has a result says that.
func (s *Server) wish(w http.ResponseWriter, in map[string]any, name string, messages []any) {
	last, _ := messages[len(messages)-1].(map[string]any)
	tools, _ := in["tools"].([]any)
	said := map[string]any{"role": "assistant", "content": "so: " + fmt.Sprint(last["content"])}
	if last["role"] != "tool" && len(tools) > 0 {
		f, _ := tools[0].(map[string]any)["function"].(map[string]any)
		one := map[string]any{"name": f["name"], "arguments": fits(f["parameters"])}
		if name == "clumsy" && !strings.Contains(fmt.Sprint(last["content"]), "cannot be made") {
			one["arguments"] = map[string]any{"nonsense": 1}
		}
		said["content"], said["tool_calls"] = "", []any{map[string]any{"function": one}}
	}
	e := json.NewEncoder(w)
	_ = e.Encode(map[string]any{"model": name, "done": false, "message": said})
	_ = e.Encode(map[string]any{"model": name, "done": true, "done_reason": "stop", "message": map[string]any{}, "prompt_eval_count": 3, "eval_count": 1})
}

// speak streams an answer in the form of the route.
func (s *Server) speak(w http.ResponseWriter, r *http.Request, in map[string]any, name string, again bool) {
	e := json.NewEncoder(w)
	say := func(text, thought string, more map[string]any) {
		p := map[string]any{"model": name, "done": false}
		if r.URL.Path == "/api/chat" {
			p["message"] = map[string]any{"role": "assistant", "content": text, "thinking": thought}
		} else {
			p["response"], p["thinking"] = text, thought
		}
		maps.Copy(p, more)
		_ = e.Encode(p)
		_ = http.NewResponseController(w).Flush()
	}
	pieces, reason := words(in)
	if f := in["format"]; f != nil {
		switch {
		case name == "hopeless", name == "stubborn" && !again:
			pieces = []string{"Sure! ", "Here ", "it is."}
		case name == "vague":
			pieces = []string{`{"other"`, `: 1}`}
		default:
			raw, _ := json.Marshal(fits(f))
			pieces = []string{string(raw[:len(raw)/2]), string(raw[len(raw)/2:])}
		}
		reason = "stop"
	}
	if name == "thinks" && in["think"] == true {
		say("", "hm", nil)
		say("", "m", nil)
	} else if name == "thinks" {
		pieces = append([]string{"\n<th", "ink>hm", "m</thi", "nk>\n\n"}, pieces...)
	}
	for i, p := range pieces {
		if i == 2 {
			switch name {
			case "crashes":
				_ = e.Encode(map[string]any{"error": "an error was encountered while running the model: CUDA error: out of memory"})
				return
			case "cut":
				panic(http.ErrAbortHandler)
			case "stalls":
				select {
				case <-s.gate:
				case <-r.Context().Done():
					return
				}
			}
		}
		say(p, "", nil)
	}
	say("", "", map[string]any{"done": true, "done_reason": reason, "prompt_eval_count": 3, "eval_count": len(pieces)})
}

// words are what a model says that holds to nothing.
func words(in map[string]any) (all []string, reason string) {
	n, reason := 8, "stop"
	if o, _ := in["options"].(map[string]any); o["num_predict"] != nil {
		n, reason = int(o["num_predict"].(float64)), "length"
	}
	for i := range n {
		all = append(all, fmt.Sprintf("w%d ", i))
	}
	return all, reason
}

// fits gives a value of a JSON Schema.
func fits(schema any) any {
	s, ok := schema.(map[string]any)
	if !ok {
		return map[string]any{"any": true} // "json"
	}
	if e, _ := s["enum"].([]any); len(e) > 0 {
		return e[0]
	}
	switch s["type"] {
	case "object":
		out := map[string]any{}
		required, _ := s["required"].([]any)
		properties, _ := s["properties"].(map[string]any)
		for name, p := range properties {
			if slices.Contains(required, any(name)) {
				out[name] = fits(p)
			}
		}
		return out
	case "array":
		return []any{fits(s["items"])}
	case "string":
		return "text"
	case "number", "integer":
		return 7
	}
	return true
}
