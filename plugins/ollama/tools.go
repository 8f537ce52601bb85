package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// call is what a model wants done, by a node type that is one of its tools.
type call struct {
	ID     string `spin:"id" doc:"Its name within the conversation: call_1, call_2, …"`
	Type   string `spin:"type" doc:"The node type that is to do it"`
	Inputs any    `spin:"inputs" doc:"The node type's inputs, which fit it"`
}

const (
	maxCalls  = 64       // that a model may make at once
	maxResult = 32 << 10 // bytes of a call's result that the model is shown
)

// wish is a call as Ollama says it.
type wish struct {
	Function struct {
		Name      string
		Arguments json.RawMessage
	}
}

// function is the name of a node type for a model: theirs have no dots.
func function(nodeType string) string { return strings.ReplaceAll(nodeType, ".", "_") }

// functions gives tools as Ollama takes them.
func functions(tools []sdk.Tool) ([]any, error) {
	var all []any
	for i, x := range tools {
		if j := slices.IndexFunc(tools, func(y sdk.Tool) bool { return function(y.Name) == function(x.Name) }); j < i {
			return nil, sdk.Refuse(fmt.Sprintf("a model cannot tell the tools %s and %s apart", tools[j].Name, x.Name), "leave one of them out")
		}
		takes, err := schemaJSON(&x.Inputs)
		if err != nil {
			return nil, err
		}
		all = append(all, map[string]any{"type": "function", "function": map[string]any{"name": function(x.Name), "description": x.Description, "parameters": takes}})
	}
	return all, nil
}

// calls makes calls of wishes, or says what is wrong with them. before is how many calls the conversation had.
func calls(wishes []wish, tools []sdk.Tool, before int) (all []call, wrong string) {
	if len(wishes) > maxCalls {
		return nil, fmt.Sprintf("%d calls at once are too many: make %d at most", len(wishes), maxCalls)
	}
	var bad []string
	for _, w := range wishes {
		i := slices.IndexFunc(tools, func(x sdk.Tool) bool { return function(x.Name) == w.Function.Name })
		if i < 0 {
			bad = append(bad, fmt.Sprintf("there is no function %q", w.Function.Name))
			continue
		}
		inputs, why := read(string(w.Function.Arguments), &tools[i].Inputs)
		if why != "" {
			bad = append(bad, w.Function.Name+": "+why)
			continue
		}
		all = append(all, call{fmt.Sprintf("call_%d", before+len(all)+1), tools[i].Name, inputs})
	}
	if bad != nil {
		return nil, strings.Join(bad, "; ")
	}
	return all, ""
}

// answered is a conversation after the results of the calls that it ends with, by their ids. A call without one has failed.
func answered(talk []message, results map[string]any) ([]message, error) {
	var open []call
	if len(talk) > 0 {
		open = talk[len(talk)-1].Calls
	}
	for id := range results {
		if !slices.ContainsFunc(open, func(c call) bool { return c.ID == id }) {
			return nil, sdk.Refuse(fmt.Sprintf("results: the last of messages has no call %q", id), "give the messages of the chat that made the calls")
		}
	}
	talk = slices.Clone(talk)
	for _, c := range open {
		text := "The call failed: there is no result."
		if x := results[c.ID]; x != nil {
			raw, err := json.Marshal(x)
			if err != nil {
				return nil, sdk.Refuse("results: "+c.ID+" cannot be written as JSON: "+err.Error(), "")
			}
			if text = string(raw); len(text) > maxResult {
				text = strings.ToValidUTF8(text[:maxResult], "") + "… (cut: it has " + sdk.FormatSize(int64(len(raw))) + ")"
			}
		}
		talk = append(talk, message{Role: "tool", Content: text, Call: c.ID})
	}
	return talk, nil
}

// spoken gives messages as Ollama takes them, and how many calls there are in them.
func spoken(talk []message) (all []map[string]any, made int) {
	names := map[string]string{}
	for _, m := range talk {
		x := map[string]any{"role": m.Role, "content": m.Content}
		var wishes []any
		for _, c := range m.Calls {
			names[c.ID] = function(c.Type)
			wishes = append(wishes, map[string]any{"function": map[string]any{"name": names[c.ID], "arguments": c.Inputs}})
		}
		if made += len(wishes); wishes != nil {
			x["tool_calls"] = wishes
		}
		if m.Role == "tool" {
			x["tool_name"] = names[m.Call]
		}
		all = append(all, x)
	}
	return all, made
}
