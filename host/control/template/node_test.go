package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type object = map[string]any

func TestTemplate(t *testing.T) {
	t.Parallel()
	values := object{
		"name": "Ada <&> \"x\"", "n": json.Number("1.50"), "yes": true, "no": false, "none": nil, "empty": "", "list": []any{"a", "b"},
		"chapters": []any{object{"name": "one", "n": json.Number("1")}, object{"name": "two"}}, "nothing": []any{},
		"who": object{"name": "Grace", "tags": []any{"x", "y"}}, "face": sdk.Artifact{Name: "face.png", Size: 7},
	}
	for _, c := range []struct {
		name, template string
		more           sdk.Values
		want, bad      string
	}{
		{"text", "no tags { } }}", nil, "no tags { } }}", ""},
		{"values are as they are", "{{name}} {{ n }} {{yes}}{{no}}", nil, `Ada <&> "x" 1.50 truefalse`, ""},
		{"paths", "{{who.name}} {{who.tags[1]}} {{who.tags[-1]}} {{face.size}}", nil, "Grace y y 7", ""},
		{"html", "{{name}} {{{name}}} {{&name}}", sdk.Values{"escape": "html"}, `Ada &lt;&amp;&gt; &quot;x&quot; Ada <&> "x" Ada <&> "x"`, ""},
		{"json", `"{{name}}"`, sdk.Values{"escape": "json"}, `"Ada \u003c\u0026\u003e \"x\""`, ""},
		{"list", "{{#list}}<{{.}}>{{/list}}", nil, "<a><b>", ""},
		{"outer values show through", "{{#chapters}}{{name}} of {{who.name}}, {{n}}; {{/chapters}}", nil, "one of Grace, 1; two of Grace, 1.50; ", ""},
		{"object", "{{#who}}{{name}}{{#tags}} {{.}}{{/tags}}{{/who}}", nil, "Grace x y", ""},
		{"there or not", "{{#yes}}1{{/yes}}{{#no}}2{{/no}}{{^no}}3{{/no}}{{#gone}}4{{/gone}}{{^gone}}5{{/gone}}{{^nothing}}6{{/nothing}}{{#nothing}}7{{/nothing}}{{^empty}}8{{/empty}}{{^list}}9{{/list}}", nil, "13568", ""},
		{"lines of their own", "a\n{{! note }}\n  {{#list}}  \n- {{.}}\n{{/list}}\nb{{#no}}\nx{{/no}}\n", nil, "a\n- a\n- b\nb\n", ""},
		{"missing", "line\n{{nam}}", nil, "", `template, line 2: there is no value "nam"`},
		{"null", "{{none}}", nil, "", `there is no value "none"`},
		{"missing part", "{{who.age}}", nil, "", `there is no value "who.age"`},
		{"missing is empty", "<{{nam}}{{none}}>", sdk.Values{"missing": "empty"}, "<>", ""},
		{"list as text", "{{list}}", nil, "", `"list" is a list, which is no text`},
		{"artifact as text", "{{face}}", nil, "", `"face" is the artifact "face.png"`},
		{"no end", "a\nb {{name", nil, "", "line 2: {{ does not end"},
		{"empty tag", "{{ }}", nil, "", "has no name"},
		{"open section", "\n{{#list}}{{.}}", nil, "", "line 2: {{#list}} does not end"},
		{"wrong end", "{{#list}}{{/who}}", nil, "", "{{/who}} ends a section that is not open"},
		{"partial", "{{> other}}", nil, "", "partials"},
		{"bad name", "{{a b}}", nil, "", "{{a b}} is no name"},
		{"too deep", strings.Repeat("{{#who}}", 60), nil, "", "nest deeper than 50"},
		{"none at all", "", nil, "", "there is no template"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := sdk.Values{"template": c.template, "values": values}
			for k, v := range c.more {
				in[k] = v
			}
			check(t, in, c.want, c.bad)
		})
	}
}

func TestFileAndBounds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.txt")
	if err := os.WriteFile(path, []byte("\uFEFFHi {{who}}\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := sdk.Artifact{Name: "p.txt", Path: path, MediaType: "text/plain"}
	check(t, sdk.Values{"file": file, "values": object{"who": "Ada"}}, "Hi Ada\n", "")
	check(t, sdk.Values{"file": file}, "", `the file "p.txt", line 1: there is no value "who"`)
	check(t, sdk.Values{"file": file, "template": "x"}, "", "both template and file")
	many := make([]any, 2000)
	for i := range many {
		many[i] = "0123456789"
	}
	loops := "{{#l}}{{#l}}{{#l}}x{{/l}}{{/l}}{{/l}}"
	check(t, sdk.Values{"template": loops, "values": object{"l": many}}, "", "loops too often")
	check(t, sdk.Values{"template": strings.ReplaceAll(loops, "x", ""), "values": object{"l": many}}, "", "loops too often")
}

func check(t *testing.T, in sdk.Values, want, bad string) {
	t.Helper()
	r, err := Node().Run(t.Context(), &sdk.Task{Inputs: in})
	switch {
	case bad != "" && (err == nil || !strings.Contains(err.Error(), bad)):
		t.Errorf("%v, want %s", err, bad)
	case bad == "" && (err != nil || r.Outputs["text"] != want):
		t.Errorf("%q, %v; want %q", r.Outputs["text"], err, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{{#a}}{{.}}{{/a}}\n {{! x }} \n{{^b}}{{{c.d[0]}}}{{/b}}")
	f.Add("{{#a}}\n{{/a}}{{")
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := parse(text, "template")
		if err != nil {
			return
		}
		w := writer{empty: true}
		_ = w.write(parts, []any{object{"a": []any{"x", object{"b": true}}, "c": object{"d": []any{"y"}}}})
	})
}
