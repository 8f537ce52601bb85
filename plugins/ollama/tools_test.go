package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/ollama/ollamatest"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// tool is a node type as the host describes it to a node.
func tool(name string) map[string]any {
	return map[string]any{"name": name, "description": "Finds", "inputs": map[string]any{"type": "object", "required": []any{"query"},
		"properties": map[string]any{"query": map[string]any{"type": "string"}, "most": map[string]any{"type": "integer"}}}}
}

func made(id string) map[string]any {
	return map[string]any{"role": "assistant", "content": "", "calls": []any{map[string]any{"id": id, "type": "web.find", "inputs": map[string]any{"query": "text"}}}}
}

// TestTools: what a model wants called fits what the node type takes, and what came of it goes back to the model.
func TestTools(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	ask := func(more in) in {
		v := in{"model": "calls", "tools": []any{tool("web.find")}}
		for k, x := range more {
			v[k] = x
		}
		return v
	}
	wants := func(id string) func(testing.TB, sdk.Values) {
		return func(t testing.TB, v sdk.Values) {
			want := []any{map[string]any{"id": id, "type": "web.find", "inputs": map[string]any{"query": "text"}}}
			all, _ := v["messages"].([]any)
			if !reflect.DeepEqual(v["calls"], want) || !reflect.DeepEqual(all[len(all)-1].(map[string]any)["calls"], want) {
				t.Errorf("%v", v)
			}
		}
	}
	says := func(text string) func(testing.TB, sdk.Values) {
		return func(t testing.TB, v sdk.Values) {
			if calls, _ := v["calls"].([]any); len(calls) > 0 || v["text"] != text {
				t.Errorf("%v", v)
			}
		}
	}
	before := []any{map[string]any{"role": "user", "content": "who?"}, made("call_1")}
	sdktest.Suite{Config: in{"url": s.URL()}, Cases: []sdktest.Case{
		{Name: "a call", Type: "ollama.chat", Inputs: ask(in{"prompt": "who?"}), Want: wants("call_1")},
		{Name: "a call where an answer of a type is wanted", Type: "ollama.chat", Inputs: ask(in{"prompt": "who?", "answer": typed("good boolean")}), Want: wants("call_1")},
		{Name: "the second call", Type: "ollama.chat", Inputs: ask(in{"prompt": "and now?", "messages": before}), Want: wants("call_2")},
		{Name: "its result", Type: "ollama.chat", Inputs: ask(in{"messages": before, "results": map[string]any{"call_1": map[string]any{"names": []any{"Ada"}}}}), Want: says(`so: {"names":["Ada"]}`)},
		{Name: "a call that failed", Type: "ollama.chat", Inputs: ask(in{"messages": before, "results": map[string]any{"call_1": nil}}), Want: says("so: The call failed: there is no result.")},
		{Name: "a mistake is sent back", Type: "ollama.chat", Inputs: ask(in{"model": "clumsy", "prompt": "who?"}), Want: func(t testing.TB, v sdk.Values) {
			if wants("call_1")(t, v); v["tries"] != json.Number("2") {
				t.Errorf("%v", v)
			}
		}},
		{Name: "no more than tries", Type: "ollama.chat", Inputs: ask(in{"model": "clumsy", "prompt": "who?", "tries": 1}), Fails: "after 1 tries: web_find: query: is required"},
		{Name: "a result of no call", Type: "ollama.chat", Inputs: ask(in{"messages": before, "results": map[string]any{"call_7": 1}}), Fails: `no call "call_7"`},
		{Name: "results that are none", Type: "ollama.chat", Inputs: ask(in{"messages": before, "results": "x"}), Fails: "want an object"},
		{Name: "nothing to answer", Type: "ollama.chat", Inputs: ask(nil), Fails: "nothing to answer"},
		{Name: "pictures of nothing", Type: "ollama.chat", Inputs: ask(in{"messages": before, "images": []any{file(t, "a.png", "PNG")}}), Fails: "no prompt that they go with"},
		{Name: "tools with one name", Type: "ollama.chat", Inputs: ask(in{"prompt": "x", "tools": []any{tool("web.find_a"), tool("web_find.a")}}), Fails: "tell the tools web.find_a and web_find.a apart"},
		{Name: "a model without tools", Type: "ollama.chat", Inputs: ask(in{"model": "tiny", "prompt": "x"}), Fails: `"tiny" does not support tools`},
	}}.Run(t, plugin(&server{}))
}

// TestCallsAtOnce: calls are taken together or not at all, and no end of them is too many.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	var one wish
	one.Function.Name, one.Function.Arguments = "web_find", json.RawMessage(`{}`)
	tools := []sdk.Tool{{Name: "web.find", Inputs: sdk.Schema{Type: "object"}}}
	if all, wrong := calls(slices.Repeat([]wish{one}, maxCalls), tools, 0); len(all) != maxCalls || wrong != "" || all[maxCalls-1].ID != "call_64" {
		t.Errorf("%d calls, %q", len(all), wrong)
	}
	bad := one
	bad.Function.Name = "web.find"
	if all, wrong := calls([]wish{one, bad}, tools, 0); all != nil || wrong != `there is no function "web.find"` {
		t.Errorf("%v, %q", all, wrong)
	}
	if all, wrong := calls(slices.Repeat([]wish{one}, maxCalls+1), tools, 0); all != nil || !strings.Contains(wrong, "65 calls at once") {
		t.Errorf("%d calls, %q", len(all), wrong)
	}
}

// TestToolsSaid: Ollama is given functions, the calls that were made, and what came of them, cut where that is long.
func TestToolsSaid(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	task := r.task(t)
	task.Inputs = in{"model": "calls", "tools": []any{tool("web.find")}, "messages": []any{made("call_1")},
		"results": map[string]any{"call_1": map[string]any{"text": strings.Repeat("é", maxResult)}}}
	if _, err := chatNode(r.server).Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	got := s.Last()
	tools, _ := json.Marshal(got["tools"])
	if want := `[{"function":{"description":"Finds","name":"web_find","parameters":{"additionalProperties":false,"properties":{"most":{"type":"integer"},"query":{"type":"string"}},"required":["query"],"type":"object"}},"type":"function"}]`; string(tools) != want {
		t.Errorf("the tools are %s", tools)
	}
	messages := got["messages"].([]any)
	first, _ := json.Marshal(messages[0])
	if want := `{"content":"","role":"assistant","tool_calls":[{"function":{"arguments":{"query":"text"},"name":"web_find"}}]}`; string(first) != want {
		t.Errorf("the call is %s", first)
	}
	last := messages[1].(map[string]any)
	if text := last["content"].(string); len(messages) != 2 || last["role"] != "tool" || last["tool_name"] != "web_find" || len(text) > maxResult+100 || !strings.HasSuffix(text, "(cut: it has 64 KiB)") {
		t.Errorf("%d messages, the result of %v is %d bytes, ending in %q", len(messages), last["tool_name"], len(last["content"].(string)), ending(last["content"].(string), 40))
	}
}
