package main

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strings"
)

// webOllama answers as an Ollama with one model "tiny", which has each address in the newest question read by control_http,
// and then says what came of it, a line for each. Its vectors are near each other when texts have words in common. It stands under /ollama/ of the command web.
func webOllama(w http.ResponseWriter, path string, body []byte) {
	type call struct {
		Function struct {
			Name      string            `json:"name"`
			Arguments map[string]string `json:"arguments"`
		} `json:"function"`
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
		Calls   []call `json:"tool_calls,omitempty"`
	}
	say := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch path {
	case "/api/version":
		say(map[string]any{"version": "0.6.5"})
	case "/api/tags":
		say(map[string]any{"models": []any{map[string]any{"name": "tiny:latest", "model": "tiny:latest"}}})
	case "/api/ps":
		say(map[string]any{"models": []any{}})
	case "/api/chat":
		var in struct{ Messages []message }
		_ = json.Unmarshal(body, &in) // what is no question is a load
		answer := message{Role: "assistant"}
		for _, m := range in.Messages {
			switch m.Role {
			case "tool":
				answer.Content += m.Content + "\n"
			case "user":
				answer = message{Role: "assistant"}
				for word := range strings.FieldsSeq(m.Content) {
					if strings.HasPrefix(word, "http") {
						var c call
						c.Function.Name, c.Function.Arguments = "control_http", map[string]string{"url": word}
						answer.Calls = append(answer.Calls, c)
					}
				}
			}
		}
		if answer.Content != "" {
			answer.Calls = nil
		}
		say(map[string]any{"message": answer, "done": true, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1})
	case "/api/show", "/api/generate":
		say(map[string]any{"done": true, "capabilities": []string{"embedding"}})
	case "/api/embed":
		if strings.Contains(string(body), "canary") {
			w.WriteHeader(http.StatusBadRequest)
			say(map[string]any{"error": "something sensitive was sent"})
			return
		}
		say(webEmbed(body))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// webEmbed makes vectors of texts: who has words in common lies near.
func webEmbed(body []byte) any {
	var in struct{ Input []string }
	_ = json.Unmarshal(body, &in)
	var all [][]float64
	for _, text := range in.Input {
		v := make([]float64, 64)
		for word := range strings.FieldsSeq(strings.ToLower(text)) {
			sum := fnv.New32a()
			sum.Write([]byte(word))
			v[sum.Sum32()%64]++
		}
		all = append(all, v)
	}
	return map[string]any{"embeddings": all, "prompt_eval_count": len(all)}
}
