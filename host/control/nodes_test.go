package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// nodes are the shipped nodes by name.
func node(t *testing.T, name string) sdk.Node {
	t.Helper()
	for _, n := range plugin.Nodes {
		if n.Type().Name == name {
			return n
		}
	}
	t.Fatalf("no node %s", name)
	return nil
}

// TestNodes: inputs and outputs as JSON, or a part of the error. Inputs are checked as a pipeline's are.
func TestNodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, node, in, out string }{
		{"first that holds", "choose", `{"value": {"n": 7}, "cases": [{"name": "a", "all": [{"path": "n", "is": ">", "value": 9}]},
			{"name": "b", "any": [{"path": "x", "is": "exists"}, {"path": "n", "value": 7.0}], "result": {"k": 1}}]}`,
			`{"case": "b", "index": 1, "matched": true, "result": {"k": 1}}`},
		{"always", "choose", `{"value": null, "cases": [{"name": "a"}]}`, `{"case": "a", "index": 0, "matched": true}`},
		{"default", "choose", `{"value": 1, "cases": [{"name": "a", "all": [{"value": 2}]}], "default": "d"}`, `{"case": "", "index": -1, "matched": false, "result": "d"}`},
		{"none", "choose", `{"value": 1, "cases": [{"name": "a", "all": [{"value": 2}]}]}`, "none of the 1 cases holds"},
		{"wrong rule", "choose", `{"value": "x", "cases": [{"name": "a", "all": [{"is": "<", "value": 2}]}]}`, `case "a": the rule it < 2 cannot be asked`},
		{"no cases", "choose", `{"value": 1, "cases": []}`, "cases"},

		{"ranked", "score", `{"items": [{"n": 1}, {"n": 3, "t": "ab"}, {"n": 3}], "rules": [{"name": "n", "path": "n", "weight": 2}, {"path": "t", "is": "longer", "value": 1, "weight": -6}]}`,
			`{"ranked": [{"item": {"n": 3}, "index": 2, "score": 6, "reasons": ["n 6"]}, {"item": {"n": 1}, "index": 0, "score": 2, "reasons": ["n 2"]},
			  {"item": {"n": 3, "t": "ab"}, "index": 1, "score": 0, "reasons": ["n 6", "1 (t longer 1) -6"]}], "best": {"n": 3}, "best_index": 2, "best_score": 6}`},
		{"equal ones keep their order", "score", `{"items": ["a", "b"], "rules": [{"is": "exists"}]}`,
			`{"ranked": [{"item": "a", "index": 0, "score": 1, "reasons": ["0 (it exists) 1"]}, {"item": "b", "index": 1, "score": 1, "reasons": ["0 (it exists) 1"]}],
			  "best": "a", "best_index": 0, "best_score": 1}`},
		{"all too low", "score", `{"items": [1], "rules": [{"weight": 1}], "least": 2}`, `{"ranked": [], "best_index": -1, "best_score": 0}`},
		{"no number", "score", `{"items": [{"n": "x"}], "rules": [{"path": "n"}]}`, `item 0, rule 0 (n): "n" is no number`},

		{"exact", "dedupe", `{"items": [1, 1.0, "1", 1, {"a": [1]}, {"a": [1]}]}`,
			`{"items": [1, 1.0, "1", {"a": [1]}], "removed": [{"index": 3, "same_as": 0}, {"index": 5, "same_as": 4}]}`},
		{"text", "dedupe", `{"items": [{"t": "It rains"}, {"t": "it  RAINS!"}, {"t": "Sun"}, {}, {}], "by": "t", "mode": "text"}`,
			`{"items": [{"t": "It rains"}, {"t": "Sun"}, {}], "removed": [{"index": 1, "same_as": 0}, {"index": 4, "same_as": 3}]}`},
		{"empty ones stay", "dedupe", `{"items": [{}, {}], "by": "t", "keep_empty": true}`, `{"items": [{}, {}], "removed": []}`},
		{"near", "dedupe", `{"items": ["The president visits Berlin on Monday", "President visits Berlin on Monday", "A cat sat"], "mode": "near", "alike": 0.7}`,
			`{"items": ["The president visits Berlin on Monday", "A cat sat"], "removed": [{"index": 1, "same_as": 0}]}`},
		{"no text", "dedupe", `{"items": [1], "mode": "text"}`, "item 0: it is no text"},

		{"srt", "captions", `{"cues": [{"start": 61.5, "end": 3723.0404, "text": "b --> c"}, {"start": 0, "end": 1, "text": " a\n b "}]}`,
			`{"text": "1\n00:00:00,000 --> 00:00:01,000\na b\n\n2\n00:01:01,500 --> 01:02:03,040\nb -> c\n\n", "count": 2,
			  "cues": [{"start": 0, "end": 1, "text": "a b"}, {"start": 61.5, "end": 3723.04, "text": "b --> c"}]}`},
		{"long", "captions", `{"cues": [{"start": 0, "end": 6, "text": "one two three four five six"}], "max_chars": 10, "max_lines": 1, "format": "vtt"}`,
			`{"text": "WEBVTT\n\n00:00:00.000 --> 00:00:01.680\none two\n\n00:00:01.680 --> 00:00:04.080\nthree four\n\n00:00:04.080 --> 00:00:06.000\nfive six\n\n", "count": 3,
			  "cues": [{"start": 0, "end": 1.68, "text": "one two"}, {"start": 1.68, "end": 4.08, "text": "three four"}, {"start": 4.08, "end": 6, "text": "five six"}]}`},
		{"even lines", "captions", `{"cues": [{"start": 0, "end": 1, "text": "aaaa bbbb cccc dddd"}], "max_chars": 16, "format": "vtt"}`,
			`{"text": "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\naaaa bbbb\ncccc dddd\n\n", "count": 1, "cues": [{"start": 0, "end": 1, "text": "aaaa bbbb\ncccc dddd"}]}`},
		{"read vtt", "captions", `{"text": "WEBVTT\n\nNOTE x\n\nid\n00:01.000 --> 00:02.500 align:left\n<v Ada>a &lt; <i>b</i>\nc\n", "shift": 1, "min_seconds": 3}`,
			`{"text": "1\n00:00:02,000 --> 00:00:05,000\na < b c\n\n", "count": 1, "cues": [{"start": 2, "end": 5, "text": "a < b c"}]}`},
		{"trimmed", "captions", `{"cues": [{"start": 0, "end": 2, "text": "a"}, {"start": 1, "end": 2, "text": "b"}], "overlap": "trim"}`,
			`{"text": "1\n00:00:00,000 --> 00:00:01,000\na\n\n2\n00:00:01,000 --> 00:00:02,000\nb\n\n", "count": 2, "cues": [{"start": 0, "end": 1, "text": "a"}, {"start": 1, "end": 2, "text": "b"}]}`},
		{"overlap", "captions", `{"cues": [{"start": 0, "end": 2, "text": "a"}, {"start": 1, "end": 2, "text": "b"}]}`, "“b” begins at 1 s, before “a” ends at 2 s"},
		{"backwards", "captions", `{"cues": [{"start": 2, "end": 2, "text": "a"}]}`, "cue 0 (2 to 2 s, “a”) ends before it begins"},
		{"too early", "captions", `{"cues": [{"start": 2, "end": 3, "text": "a"}], "shift": -3}`, "begins before 0"},
		{"no subtitles", "captions", `{"text": "hello"}`, "neither SRT nor WebVTT"},
		{"bad time", "captions", `{"text": "1\n00:99:00,000 --> 00:00:01,000\na"}`, `line 2: "00:99:00,000" is no time`},
		{"nothing", "captions", `{}`, `{"text": "", "count": 0, "cues": []}`},
	} {
		t.Run(c.node+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			n := node(t, "control."+c.node)
			var in, want sdk.Values
			if err := json.Unmarshal([]byte(c.in), &in); err != nil {
				t.Fatal(err)
			}
			r, err := n.Run(t.Context(), &sdk.Task{Type: "control." + c.node, Inputs: in})
			if !strings.HasPrefix(c.out, "{") {
				if err == nil || !strings.Contains(err.Error(), c.out) {
					t.Errorf("got %v, %v; want an error with %q", r.Outputs, err, c.out)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v := n.Type().Outputs.Check(map[string]any(r.Outputs)); len(v) > 0 {
				t.Errorf("the outputs do not fit their schema: %v", v)
			}
			if err := json.Unmarshal([]byte(c.out), &want); err != nil {
				t.Fatal(err)
			}
			got, err := r.Outputs.MarshalJSON()
			wanted, failed := want.MarshalJSON()
			if err != nil || failed != nil || string(got) != string(wanted) {
				t.Errorf("got  %s\nwant %s", got, wanted)
			}
		})
	}
}

// TestASS: what a player would take for commands is shown as text.
func TestASS(t *testing.T) {
	t.Parallel()
	in := sdk.Values{"format": "ass", "style": map[string]any{"size": json.Number("60"), "color": "#102030", "position": "top"}, "cues": []any{
		map[string]any{"start": json.Number("0.005"), "end": json.Number("1"), "text": `a {\b1} \N b`},
	}}
	r, err := node(t, "control.captions").Run(t.Context(), &sdk.Task{Inputs: in})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Style: Default,Sans,60,&H00302010,&H00000000,&H80000000,0,3.3,0,8,96,96,60\n",
		"Dialogue: 0,0:00:00.01,0:00:01.00,Default,a ｛\\\u2060b1｝ \\\u2060N b\n",
	} {
		if text, _ := r.Outputs["text"].(string); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
