package sdk

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	node := Step{Kind: "node", Name: "shot"}
	for text, want := range map[string]Address{
		"run_01J":                 {Run: "run_01J"},
		"run_01J/module.finish~2": {Run: "run_01J", Modules: []Step{{Kind: "module", Name: "finish", Iter: 2}}},
		"run_01J/gate.review":     {Run: "run_01J", Node: Step{Kind: "gate", Name: "review"}},
		"run_01J/node.shot[2]/1":  {Run: "run_01J", Node: Step{Kind: "node", Name: "shot", Key: NumberKey(2)}, Attempt: 1},
		`run_01J/module.a["x"]/module.b/node.shot["a%2Fb"]~7/1!3!2/preview.png`: {
			Run: "run_01J", Modules: []Step{{Kind: "module", Name: "a", Key: TextKey("x")}, {Kind: "module", Name: "b"}},
			Node: Step{Kind: "node", Name: "shot", Key: TextKey("a/b"), Iter: 7}, Attempt: 1, Calls: []int{3, 2}, Name: "preview.png",
		},
		`run_01J/node.shot[""]/12/%C3%BC b.png`: {Run: "run_01J", Node: Step{Kind: "node", Name: "shot", Key: TextKey("")}, Attempt: 12, Name: "ü b.png"},
		`run_01J/node.shot["%22%5D"]`:           {Run: "run_01J", Node: Step{Kind: "node", Name: "shot", Key: TextKey(`"]`)}},
		"run_01J/node.shot/1":                   {Run: "run_01J", Node: node, Attempt: 1},
	} {
		got, err := ParseAddress(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
		if want.String() != text {
			t.Errorf("%+v is written %s, want %s", want, want, text)
		}
		b, err := json.Marshal(want)
		var back Address
		if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(back, want) {
			t.Errorf("%s became %s as JSON, then %+v", text, b, back)
		}
	}
	var zero Address
	if b, err := zero.MarshalText(); err != nil || zero.UnmarshalText(b) != nil || zero.Run != "" {
		t.Errorf("the zero address is %q, %v", b, err)
	}
}

func TestAddressRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "want it to begin with run_",
		"run_":                            "want it to begin with run_",
		"run_a-b":                         "want letters and digits",
		"run_a/":                          "want node.<name>",
		"run_a/shot":                      "want node.<name>",
		"run_a/step.x":                    "want node.<name>",
		"run_a/node.":                     "is not a name",
		"run_a/node.9":                    "is not a name",
		"run_a/node.x[":                   "want [number]",
		"run_a/node.x[-1]":                "want a number",
		"run_a/node.x[01]":                "write it",
		`run_a/node.x["]`:                 `missing "]`,
		`run_a/node.x["%2"]`:              "incomplete %-escape",
		`run_a/node.x["%zz"]`:             "bad %-escape",
		`run_a/node.x["%FF"]`:             "not UTF-8",
		`run_a/node.x["%2f"]`:             "write it",
		`run_a/node.x["%41"]`:             "write it",
		"run_a/node.x~0":                  "iteration",
		"run_a/node.x[1]y":                "unexpected",
		"run_a/node.x/0":                  "is not a number from 1",
		"run_a/node.x/1!":                 "is not a number from 1",
		"run_a/node.x/01":                 "write it",
		"run_a/node.x/1/..":               "want a file name",
		"run_a/node.x/1/%2e":              "want a file name",
		"run_a/node.x/1/a%2Fb":            "may hold no slash",
		"run_a/node.x/1/%00":              "may hold no slash",
		"run_a/node.x/1/%FF":              "not UTF-8",
		"run_a/node.x/1/a/b":              "after the artifact's name",
		"run_a/node.x/node.y":             "is not a number from 1",
		"run_a/node.x/module.y":           "is not a number from 1",
		"run_" + strings.Repeat("a", 200): "want it to begin with run_",
		`run_a/node.x["` + strings.Repeat("a", MaxKey+1) + `"]`: "longer than 128",
		"run_a/node." + strings.Repeat("a", MaxName+1):          "is not a name",
		"run_a/node.x/1/" + strings.Repeat("a", MaxName+1):      "longer than 128",
		"run_a/node.x/99999999999999999999":                     "is not a number from 1",
		"run_a/node.x[99999999999999999999]":                    "want a number",
	} {
		if a, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, %v; want an error that says %q", text, a, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for _, k := range []Key{{}, NumberKey(0), NumberKey(17), TextKey(""), TextKey("0"), TextKey("ü\"]%")} {
		b, err := k.MarshalText()
		var back Key
		if err != nil || back.UnmarshalText(b) != nil || back != k {
			t.Errorf("%#v is written %q, which reads as %#v", k, b, back)
		}
		n, isNumber := k.Number()
		if isNumber && NumberKey(n) != k || !isNumber && !k.IsZero() && TextKey(k.Text()) != k {
			t.Errorf("%#v gives %d, %q", k, n, k.Text())
		}
	}
	var k Key
	if err := k.UnmarshalText([]byte("[1]2")); err == nil {
		t.Errorf("[1]2 is the key %s", k)
	}
	if CheckKey(TextKey(strings.Repeat("a", MaxKey))) != nil || CheckKey(TextKey(strings.Repeat("a", MaxKey+1))) == nil || CheckKey(TextKey("\xff")) == nil {
		t.Error("CheckKey takes what it should not, or the other way around")
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("run_01J/module.finish~2/node.shot[\"a%2Fb\"]/1!3/preview.png")
	f.Add("run_a/gate.x[0]/2")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Errorf("%q is written %q", s, a)
		}
		for _, step := range append(a.Modules, a.Node) {
			if err := CheckKey(step.Key); err != nil {
				t.Error(err)
			}
		}
	})
}
