package replay_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
)

// nested has a module in a module that fails until it is given the right text.
const nested = `
pipeline "nested" {}
module "outer" {
  source     = "./outer.hcl"
  on_failure = "pause"
  word       = "left"
}
node "test.do" "last" {
  text = module.outer.word
}
output "word" {
  value = node.last.text
}
-- outer.hcl --
pipeline "outer" {}
variable "word" {
  type = string
}
module "inner" {
  source = "./inner.hcl"
  word   = var.word
}
output "word" {
  value = module.inner.word
}
-- inner.hcl --
pipeline "inner" {}
variable "word" {
  type = string
}
node "test.do" "first" {
  text = "first"
}
node "test.do" "picky" {
  text = endswith(node.first.text, "st") ? var.word : ""
}
output "word" {
  value = node.picky.text
}
`

// TestTriedAgain: a module that a person lets go on, and then tries again with other inputs, has those inputs from there
// on, and so has what goes on in it.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.submit(t, nested, nil)
	<-h.paused
	if err := h.Continue(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	<-h.paused
	at := sdk.Address{Run: string(id), Node: sdk.Step{Kind: "module", Name: "outer"}}
	if err := h.Decide(t.Context(), at, engine.Decision{What: run.Retry, Inputs: sdk.Values{"word": "right"}, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	tape := h.tape(t, string(id))
	list := steps(t, tape)
	var words []string
	for _, s := range list {
		if s.Kind == run.AttemptStarted && strings.HasSuffix(s.At, "node.picky") {
			words = append(words, s.Inputs["text"].(string))
		}
		if s.Problem != "" {
			t.Errorf("event %d, %s of %s: %s", s.Seq, s.Kind, s.At, s.Problem)
		}
	}
	if want := []string{"left", "left", "right"}; !slices.Equal(words, want) {
		t.Errorf("picky began with %q, want %q", words, want)
	}
	if r, err := replay.Verify(tape, nobody); err != nil || len(r.Problems) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	p, err := replay.New(tape, nobody)
	if err != nil {
		t.Fatal(err)
	}
	decided := find(t, list, run.NodeDecided, "module.outer").Seq
	for seq, want := range map[uint64]string{decided - 1: `"left"`, decided: `"right"`, p.Last(): `"right"`} {
		if _, err := p.Go(seq); err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{"module.outer", "module.outer/module.inner"} {
			scope, err := p.Scope(in)
			if err != nil {
				t.Fatal(err)
			}
			if r, diags := scope.Evaluate("var.word"); diags.HasErrors() || r.Text != want {
				t.Errorf("%s at event %d: %s, want %s %v", in, seq, r.Text, want, diags)
			}
		}
	}
}

// TestResumed: what is open again when a run is resumed has no value any more until it ends.
func TestResumed(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, `
pipeline "p" {}
node "test.do" "picky" {
  text       = "left"
  on_failure = "skip"
}
node "test.do" "after" {
  text = node.picky.text
}
node "test.do" "text" {
  text = "no number"
}
output "fails" {
  value = tonumber(node.text.text)
}
`, nil)
	p, err := replay.New(tape, nobody)
	if err != nil {
		t.Fatal(err)
	}
	list := steps(t, tape)
	for kind, want := range map[run.Kind]bool{run.RunEnded: true, run.RunResumed: false} {
		if _, err := p.Go(find(t, list, kind, "").Seq); err != nil {
			t.Fatal(err)
		}
		scope, err := p.Scope("")
		if err != nil {
			t.Fatal(err)
		}
		if r, diags := scope.Evaluate("node.after"); diags.HasErrors() || r.Known != want {
			t.Errorf("%s: node.after is %s %v", kind, r.Text, diags)
		}
	}
}

const private = `
pipeline "private" {}
secret "hook" {}
variable "pin" {
  type      = string
  sensitive = true
}
node "test.do" "given" {
  text = "${secret.hook} ${var.pin}"
}
gate "review" {
  message = "Go on?"
  show    = { open = "seen" }
}
module "finish" {
  source     = "./finish.hcl"
  title      = node.given.text
  depends_on = [gate.review]
}
output "title" {
  value     = "${module.finish.title} ${secret.hook}"
  sensitive = true
}
output "open" {
  value = nonsensitive(length(module.finish.title) > 3)
}
-- finish.hcl --
pipeline "finish" {}
variable "title" {
  type = string
}
node "test.do" "each" {
  for_each = ["a", "b"]
  text     = "${var.title} ${each.value}"
}
output "title" {
  value = node.each[1].text
}
`

// TestPrivate: with the host's vault a run with sensitive values comes out as it was recorded; without, what needs them
// says so and everything else is there. Neither shows any of them.
func TestPrivate(t *testing.T) {
	t.Parallel()
	h := open(t)
	tape := h.run(t, private, sdk.Values{"pin": canary + "-pin"})
	for name, vault := range map[string]eval.Vault{"the host's": h.vault, "none": nobody} {
		r, err := replay.Verify(tape, vault)
		if err != nil || len(r.Problems) > 0 || (len(r.Unchecked) > 0) != (name == "none") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		p, err := replay.New(tape, vault)
		if err != nil {
			t.Fatal(err)
		}
		problems := 0
		for {
			s, err := p.Step()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := encoded(t, s); strings.Contains(text, canary) {
				t.Errorf("%s: event %d shows it: %s", name, s.Seq, text)
			}
			if s.Problem == "" {
				continue
			}
			if problems++; !strings.Contains(s.Problem, "was sealed with the key of another host") && !strings.Contains(s.Problem, "is not on this machine") {
				t.Errorf("%s: event %d: %s", name, s.Seq, s.Problem)
			}
		}
		if (problems > 0) != (name == "none") {
			t.Errorf("%s: %d problems", name, problems)
		}
		if state := p.State(); state.Status != run.Succeeded || state.Outputs["open"] != true {
			t.Errorf("%s: %s %v", name, state.Status, state.Outputs)
		}
	}
}

// TestPrivateChanged: a sensitive value that is another one is found where it can be opened, unless a secret may have
// made it.
func TestPrivateChanged(t *testing.T) {
	t.Parallel()
	h := open(t)
	tape := h.run(t, strings.NewReplacer("secret \"hook\" {}", "", "${secret.hook} ", "", " ${secret.hook}", "").Replace(private), sdk.Values{"pin": canary})
	list := steps(t, tape)
	ended := list[len(list)-1].Outputs["title"].(sdk.Sealed)
	other, err := h.vault.Seal("another", true)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := written(t, tape, `"title":{"$sealed":"`+ended.Token+`"}},"status":"succeeded"`, `"title":{"$sealed":"`+other.Token+`"}},"status":"succeeded"`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := replay.Verify(changed, h.vault)
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Why, "its outputs now come to something else") {
		t.Errorf("%+v, %v", r, err)
	}
}
