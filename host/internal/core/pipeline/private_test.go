package pipeline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/sdk"
)

// fakeVault seals into memory, and holds secrets.
type fakeVault struct {
	secrets map[string]string
	held    map[string]any
}

func newVault(secrets map[string]string) *fakeVault {
	return &fakeVault{secrets, map[string]any{}}
}

func (f *fakeVault) Seal(x any, mask bool) (sdk.Sealed, error) {
	token := fmt.Sprintf("%v %d", mask, len(f.held))
	for t, y := range f.held {
		if strings.HasPrefix(t, fmt.Sprint(mask)) && reflect.DeepEqual(x, y) {
			token = t
		}
	}
	f.held[token] = x
	return sdk.Sealed{Token: token}, nil
}

func (f *fakeVault) Open(s sdk.Sealed) (any, bool, error) {
	x, ok := f.held[s.Token]
	if !ok {
		return nil, false, errors.New("is sealed by another host")
	}
	return x, strings.HasPrefix(s.Token, "true"), nil
}

func (f *fakeVault) Secret(name string) (string, error) {
	if v, ok := f.secrets[name]; ok {
		return v, nil
	}
	return "", errors.New("nobody has it")
}

// shown writes a value as tests want it: what is sealed in «» for a declared and ‹› for a derived value.
func (f *fakeVault) shown(x any) string {
	var see func(x any) any
	see = func(x any) any {
		switch x := x.(type) {
		case sdk.Sealed:
			raw, _ := json.Marshal(f.held[x.Token])
			if strings.HasPrefix(x.Token, "true") {
				return "«" + string(raw) + "»"
			}
			return "‹" + string(raw) + "›"
		case map[string]any:
			out := map[string]any{}
			for k, y := range x {
				out[k] = see(y)
			}
			return out
		case []any:
			out := make([]any, len(x))
			for i := range x {
				out[i] = see(x[i])
			}
			return out
		}
		return x
	}
	if v, ok := x.(sdk.Values); ok {
		x = map[string]any(v)
	}
	raw, _ := json.Marshal(see(x))
	return strings.ReplaceAll(string(raw), `\"`, `'`)
}

func open(t *testing.T, p *pipeline.Pipeline, given sdk.Values, v *fakeVault) *eval.Scope {
	t.Helper()
	values, ds := eval.Inputs(p, given)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	kept, err := p.Seal(values, v)
	if err != nil {
		t.Fatal(err)
	}
	return eval.Open(p, kept, v)
}

const private = head + `
secret "hook" {}
variable "pin" {
  type      = string
  sensitive = true
  default   = "123456"
  validation {
    condition = length(var.pin) == 6
    message   = "a PIN has 6 digits"
  }
}
locals {
  auth = { token = "Bearer ${secret.hook}", agent = "spinbot" }
}
node "control.storyboard" "told" {
  script = [local.auth, var.pin, "open"]
}
node "control.storyboard" "after" {
  script = node.told.narration
}
node "vault.issue" "token" {
  role = "reader"
}
node "vault.issue" "login" {
  password = "written out"
}
node "control.storyboard" "each" {
  for_each = { a = local.auth, b = "plain" }
  script   = each.value
}
node "control.storyboard" "next" {
  script = "first"
  repeat {
    max   = 3
    until = false
    next  = { script = secret.hook }
  }
}
node "comfyui.workflow" "draw" {
  workflow = "{}"
  inputs   = { key = secret.hook, size = 1024 }
  degrade {
    set = { inputs = { size = 512, pin = var.pin } }
  }
}
output "sealed" {
  value     = { all = node.after.narration, none = 1 }
  sensitive = true
}
output "token" {
  value     = node.token
  sensitive = true
}
output "plain" {
  value = [node.token.seconds, nonsensitive(node.after.narration), nonsensitive(length(node.each))]
}
`

func TestPrivateInputs(t *testing.T) {
	t.Parallel()
	v := newVault(map[string]string{"hook": "hush"})
	p := loaded(t, private)
	if got := p.SecretsInUse(); !reflect.DeepEqual(got, []string{"hook"}) {
		t.Error(got)
	}
	s := open(t, p, sdk.Values{"pin": "654321"}, v)
	set(t, s, "told", must(t, p, v, "told", true, sdk.Values{"narration": "hush hush", "scenes": nil}))
	set(t, s, "token", must(t, p, v, "token", false, sdk.Values{"token": "t-1", "seconds": n("60")}))
	if _, ds := s.Expand("each"); ds.HasErrors() {
		t.Fatal(ds)
	}
	for _, c := range []struct {
		node, want string
		key        sdk.Key
		turn       eval.Turn
	}{
		{node: "told", want: `{"limit":12,"script":[{"agent":"spinbot","token":"«'Bearer hush'»"},"«'654321'»","open"]}`},
		{node: "after", want: `{"limit":12,"script":"‹'hush hush'›"}`},
		{node: "login", want: `{"password":"«'written out'»"}`},
		{node: "each", key: sdk.TextKey("a"), want: `{"limit":12,"script":{"agent":"spinbot","token":"«'Bearer hush'»"}}`},
		{node: "each", key: sdk.TextKey("b"), want: `{"limit":12,"script":"plain"}`},
		{node: "next", want: `{"limit":12,"script":"first"}`},
		{node: "next", turn: eval.Turn{Self: sdk.Values{}}, want: `{"limit":12,"script":"«'hush'»"}`},
		{node: "draw", want: `{"inputs":{"key":"«'hush'»","size":1024},"workflow":"{}"}`},
		{node: "draw", turn: eval.Turn{Rung: 1}, want: `{"inputs":{"key":"«'hush'»","pin":"«'654321'»","size":512},"workflow":"{}"}`},
		{node: "told", turn: eval.Turn{Edits: sdk.Values{"script": "mine"}}, want: `{"limit":12,"script":"mine"}`},
	} {
		in, ds := s.Inputs(c.node, c.key, c.turn)
		if got := v.shown(in); ds.HasErrors() || got != c.want {
			t.Errorf("%s: %s, not %s (%v)", c.node, got, c.want, ds)
		}
		if sdk.HasSealed(in) != strings.ContainsAny(c.want, "«‹") {
			t.Errorf("%s: %v", c.node, in)
		}
	}
	set(t, s, "after", must(t, p, v, "after", true, sdk.Values{"narration": "done"}))
	set(t, s, "each", nil, nil)
	out, ds := s.Outputs()
	if got := v.shown(out); ds.HasErrors() || got != `{"plain":[60,"done",2],"sealed":"«{'all':'done','none':1}»","token":"«{'seconds':60,'token':'t-1'}»"}` {
		t.Errorf("%s (%v)", got, ds)
	}
	v.secrets["hook"] = "renewed"
	for _, name := range []string{"told", "next"} {
		in, ds := s.Inputs(name, sdk.Key{}, eval.Turn{Self: sdk.Values{}})
		if ds.HasErrors() || !strings.Contains(v.shown(in), "renewed") {
			t.Errorf("%s still has the old secret: %s", name, v.shown(in))
		}
	}
}

// must seals the outputs of a node as the engine does.
func must(t *testing.T, p *pipeline.Pipeline, v *fakeVault, name string, derived bool, outputs sdk.Values) sdk.Values {
	t.Helper()
	n, _ := p.Node(name)
	out, err := n.Seal(outputs, derived, v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPrivateEdits(t *testing.T) {
	t.Parallel()
	v := newVault(map[string]string{"hook": "hush"})
	p := loaded(t, private)
	s := open(t, p, nil, v)
	for _, c := range []struct {
		node    string
		edits   sdk.Values
		want    string
		derives bool
	}{
		{"told", sdk.Values{"script": "a", "limit": n("3")}, `{"limit":3,"script":"«'a'»"}`, true},
		{"token", sdk.Values{"role": "b", "password": "abcdefgh"}, `{"password":"«'abcdefgh'»","role":"b"}`, false},
		{"draw", sdk.Values{"inputs": map[string]any{"size": n("1")}}, `{"inputs":"«{'size':1}»"}`, true},
		{"login", nil, `null`, true},
	} {
		got, err := s.SealEdits(c.node, sdk.Key{}, c.edits)
		if err != nil || v.shown(got) != c.want && c.edits != nil {
			t.Errorf("%s: %s, not %s (%v)", c.node, v.shown(got), c.want, err)
		}
		if s.Derives(c.node, sdk.Key{}) != c.derives {
			t.Errorf("%s: derives is not %v", c.node, c.derives)
		}
		in, ds := s.Inputs(c.node, sdk.Key{}, eval.Turn{Edits: got})
		if ds.HasErrors() || c.node == "told" && v.shown(in) != c.want {
			t.Errorf("%s: %s %v", c.node, v.shown(in), ds)
		}
	}
}

// TestPrivateMessages: what is wrong with a sensitive value is said without showing it.
func TestPrivateMessages(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+`
secret "hook" {}
variable "pin" {
  type      = number
  sensitive = true
}
variable "many" {
  type      = list(string)
  sensitive = true
  default   = []
}
variable "text" {
  default = "quoted"
}
variable "face" {
  type = artifact
}
node "vault.issue" "short" {
  password = secret.hook
}
node "render.clip" "wrong" {
  picture = var.face
  layout  = secret.hook
  seconds = var.pin
  style   = { colour = "${secret.hook}" }
}
node "control.storyboard" "fails" {
  script = parseint(secret.hook, 10)
}
node "control.storyboard" "plain" {
  script = parseint(var.text, 10)
}
`)
	v := newVault(map[string]string{"hook": "canary"})
	for name, given := range map[string]sdk.Values{
		`variable "pin": want a number; what it is is sensitive and not shown`:           {"pin": "canary"},
		`variable "many": want list(string): it is sensitive, so its value is not shown`: {"pin": n("1"), "many": "canary"},
		`variable "pin": a sealed value cannot be given`:                                 {"pin": sdk.Sealed{Token: "canary"}},
	} {
		if _, ds := eval.Inputs(p, given); !strings.Contains(ds.Error(), name) || strings.Contains(ds.Error(), "canary") {
			t.Error(ds)
		}
	}
	s := open(t, p, sdk.Values{"pin": n("0.1"), "face": picture}, v)
	for node, want := range map[string]string{
		"short": "input password: want at least 8 characters; what it is is sensitive and not shown",
		"wrong": `input layout: want one of "full", "split", "card"; what it is is sensitive and not shown`,
		"fails": "more is not shown, since secret.hook is sensitive",
		"plain": `cannot parse "quoted"`,
	} {
		_, ds := s.Inputs(node, sdk.Key{}, eval.Turn{})
		if !strings.Contains(ds.Error(), want) || strings.Contains(ds.Error(), "canary") {
			t.Errorf("%s: %v", node, ds)
		}
	}
	delete(v.secrets, "hook")
	if _, ds := s.Inputs("short", sdk.Key{}, eval.Turn{}); !strings.Contains(ds.Error(), "secret.hook: nobody has it") {
		t.Error(ds)
	}
	if _, ds := eval.NewScope(p, sdk.Values{"pin": n("1")}).Inputs("short", sdk.Key{}, eval.Turn{}); !strings.Contains(ds.Error(), "nobody keeps secrets here") {
		t.Error(ds)
	}
}

// TestPrivateAtLast: what the check before a run could not know is found in it.
func TestPrivateAtLast(t *testing.T) {
	t.Parallel()
	p := loaded(t, head+`
module "m" {
  source = "./m.hcl"
  any    = { list = [sensitive("a")], on = sensitive(true), set = sensitive("b") }
}
output "seen" {
  value = module.m.any.set
}
`, "m.hcl", head+`
variable "any" {}
node "control.storyboard" "each" {
  for_each = toset(var.any.list)
  script   = "s"
}
node "control.storyboard" "when" {
  when   = var.any.on
  script = "s"
}
node "control.storyboard" "until" {
  script = "s"
  repeat {
    max   = 2
    until = var.any.on
  }
}
gate "ask" {
  message = var.any.set
  form "f" {
    default = var.any.set
  }
}
gate "show" {
  message = "?"
  form "f" {
    default = var.any.set
  }
}
output "any" {
  value = var.any
}
`)
	v := newVault(nil)
	s := open(t, p, nil, v)
	inner, ds := s.Enter("module.m", sdk.Key{}, eval.Turn{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	_, each := inner.Expand("each")
	_, when := inner.Expand("when")
	_, until := inner.Judge("until", sdk.Key{}, 1, sdk.Values{})
	_, ask := inner.Question("gate.ask", sdk.Key{})
	_, form := inner.Question("gate.show", sdk.Key{})
	for want, got := range map[string]diagnostic.Diagnostics{
		"node.each: for_each is sensitive": each, "node.when: when is sensitive": when, "node.until: until is sensitive": until,
		"gate.ask: message is sensitive": ask, "gate.show: default of f: is sensitive": form,
	} {
		if !strings.Contains(got.Error(), want) || !strings.Contains(got.Error(), "nonsensitive") {
			t.Errorf("want %q, got %v", want, got)
		}
	}
	out, ds := inner.Outputs()
	if got := v.shown(out); ds.HasErrors() || got != `{"any":{"list":["«'a'»"],"on":"«true»","set":"«'b'»"}}` {
		t.Error(got, ds)
	}
	e, ds := s.Expand("module.m")
	if err := s.SetNode("module.m", e, []sdk.Values{out}); err != nil || ds.HasErrors() {
		t.Fatal(err, ds)
	}
	if out, ds = s.Outputs(); !strings.Contains(ds.Error(), "output.seen: is sensitive") {
		t.Error(out, ds)
	}
}

// TestLostKey: what cannot be opened fails whoever needs it, with the reason, and nobody else.
func TestLostKey(t *testing.T) {
	t.Parallel()
	p := loaded(t, private)
	v := newVault(map[string]string{"hook": "hush"})
	s := eval.Open(p, sdk.Values{"pin": sdk.Sealed{Token: "gone"}}, v)
	e := eval.Expansion{Keys: []sdk.Key{{}}}
	if err := s.SetNode("told", e, []sdk.Values{{"narration": sdk.Sealed{Token: "gone"}}}); err != nil {
		t.Fatal(err)
	}
	for node, want := range map[string]string{"told": "var.pin is sealed by another host", "after": "node.told narration: is sealed by another host"} {
		if _, ds := s.Inputs(node, sdk.Key{}, eval.Turn{}); !strings.Contains(ds.Error(), want) {
			t.Errorf("%s: %v", node, ds)
		}
	}
	if in, ds := s.Inputs("login", sdk.Key{}, eval.Turn{}); ds.HasErrors() {
		t.Error(in, ds)
	}
	if _, ds := s.Inputs("login", sdk.Key{}, eval.Turn{Edits: sdk.Values{"role": sdk.Sealed{Token: "gone"}}}); !strings.Contains(ds.Error(), "input role") {
		t.Error(ds)
	}
}

func TestCheckOutputs(t *testing.T) {
	t.Parallel()
	p := loaded(t, private)
	for _, c := range []struct {
		node    string
		derived bool
		outputs sdk.Values
		shown   bool
	}{
		{"token", false, sdk.Values{"seconds": "canary"}, true}, {"token", false, sdk.Values{"token": n("123456")}, false}, {"told", true, sdk.Values{"narration": n("123456")}, false},
	} {
		node, _ := p.Node(c.node)
		found := node.CheckOutputs(c.outputs, c.derived)
		if len(found) != 1 || strings.Contains(found[0].Message, "canary") != c.shown || strings.Contains(found[0].Message, "123456") {
			t.Errorf("%+v: %v", c, found)
		}
	}
}
