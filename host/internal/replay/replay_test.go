package replay_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
)

// whole has everything in it that a journal can tell of: instances, a retry, a gate, modules in rounds, what is skipped,
// outputs too big for an event, and a failure with which the run is resumed.
const whole = `
pipeline "whole" {}
variable "names" {
  type = list(string)
}
locals {
  loud = [for n in var.names : upper(n)]
}
node "test.do" "each" {
  for_each = local.loud
  text     = "Hello, ${each.value}!"
}
node "test.do" "again" {
  text = node.each[1].text
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}
node "test.do" "big" {
  text = repeat("0123456789", 9000)
}
node "test.do" "never" {
  when = length(node.again.text) > 100
  text = "never"
}
node "test.do" "after" {
  depends_on = [node.never]
  text       = "after"
}
gate "review" {
  message = "Is ${node.again.text} right?"
  form "title" {
    default = node.each[0].text
  }
}
module "finish" {
  source   = "./finish.hcl"
  for_each = { a = gate.review.form.title }
  title    = each.value
  repeat {
    max   = 3
    until = endswith(self.title, "!!!")
    next  = { title = self.title }
  }
}
node "test.do" "bad" {
  v = module.finish["a"].title
}
output "title" {
  value = node.bad.v
}
-- finish.hcl --
pipeline "finish" {}
variable "title" {
  type = string
}
node "test.do" "mark" {
  text = "${var.title}!"
}
output "title" {
  value = node.mark.text
}
`

var names = sdk.Values{"names": []any{"Ada", "Grace"}}

func find(t *testing.T, list []replay.Step, kind run.Kind, at string) replay.Step {
	t.Helper()
	i := slices.IndexFunc(list, func(s replay.Step) bool { return s.Kind == kind && s.At == at })
	if i < 0 {
		t.Fatalf("no %s of %q", kind, at)
	}
	return list[i]
}

// TestValues: the inputs of every attempt are those that its task had, as evaluated then, and everything else is told.
func TestValues(t *testing.T) {
	t.Parallel()
	list := steps(t, open(t).run(t, whole, names))
	for at, want := range map[string]string{
		"node.each[1]":                   "Hello, GRACE!",
		"node.again":                     "Hello, GRACE!",
		`module.finish["a"]~1/node.mark`: "Hello, ADA!!",
		`module.finish["a"]~2/node.mark`: "Hello, ADA!!!",
	} {
		if got := find(t, list, run.AttemptStarted, at).Inputs["text"]; got != want {
			t.Errorf("%s began with %q, want %q", at, got, want)
		}
	}
	if got := find(t, list, run.ModuleOpened, `module.finish["a"]~2`).Inputs["title"]; got != "Hello, ADA!!" {
		t.Errorf("the second round began with %v", got)
	}
	if got, _ := find(t, list, run.AttemptEnded, "node.big").Outputs["text"].(string); len(got) != 90_000 {
		t.Errorf("the big output has %d bytes", len(got))
	}
	if got := find(t, list, run.NodeExpanded, "node.each").Keys; !slices.Equal(got, []string{"[0]", "[1]"}) {
		t.Errorf("keys: %v", got)
	}
	if when := find(t, list, run.NodeExpanded, "node.never").When; when == nil || *when {
		t.Errorf("when: %v", when)
	}
	if when := find(t, list, run.NodeExpanded, "node.after").When; when != nil {
		t.Errorf("node.after has no when, and is told to have %v", *when)
	}
	q := find(t, list, run.GateOpened, "gate.review").Question
	if q == nil || q.Message != "Is Hello, GRACE! right?" || len(q.Form) != 1 || q.Form[0].Default != "Hello, ADA!" {
		t.Errorf("question: %+v", q)
	}
	if a := find(t, list, run.GateAnswered, "gate.review").Outputs; a["by"] != "ada" || a["approved"] != true {
		t.Errorf("answer: %v", a)
	}
	for _, s := range list {
		if s.Problem != "" {
			t.Errorf("event %d: %s", s.Seq, s.Problem)
		}
	}
}

// TestChanges: a node's changes, from first to last, and what could begin next.
func TestChanges(t *testing.T) {
	t.Parallel()
	list := steps(t, open(t).run(t, whole, names))
	var got []string
	for _, s := range list {
		for _, c := range s.Changes {
			if c.At == "node.again" || c.At == "node.bad" || c.At == "" {
				got = append(got, fmt.Sprintf("%s: %s > %s", c.At, c.From, c.To))
			}
		}
	}
	want := []string{": created > running", "node.again: pending > ready", "node.again: ready > running", "node.again: running > backoff",
		"node.again: backoff > running", "node.again: running > succeeded", "node.bad: pending > ready", "node.bad: ready > running",
		"node.bad: running > failed", ": running > failed", "node.bad: failed > ready", ": failed > running", "node.bad: ready > running",
		"node.bad: running > failed", ": running > failed"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	first := list[0]
	if !slices.Equal(first.Next.Ready, []string{"node.each", "node.big"}) {
		t.Errorf("ready at first: %v", first.Next.Ready)
	}
	if s := find(t, list, run.GateOpened, "gate.review"); !slices.Contains(s.Next.Waiting, "gate.review") {
		t.Errorf("waiting: %v", s.Next.Waiting)
	}
	if !first.Concerns("x") == false || !find(t, list, run.ModuleOpened, `module.finish["a"]~1`).Concerns("finish") {
		t.Error("a step does not know what it concerns")
	}
}

// TestChangesAreAll: no change of state is missed, whatever the kind of event: seen one by one and seen at once they
// come to the same.
func TestChangesAreAll(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	p, err := replay.New(tape, nobody)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, s := range steps(t, tape) {
		for _, c := range s.Changes {
			if was := states[c.At]; was != "" && was != c.From {
				t.Errorf("event %d: %q goes from %s, and was %s", s.Seq, c.At, c.From, was)
			}
			states[c.At] = c.To
		}
		if _, err := p.Step(); err != nil {
			t.Fatal(err)
		}
		p.State().Walk(func(n *progress.Node) {
			for _, i := range n.Instances {
				at := strings.TrimPrefix(sdk.Address{Run: "run_0", Modules: n.Frame.Path, Node: i.Step()}.String(), "run_0/")
				if states[at] != string(i.State) && i.Iter < 2 {
					t.Errorf("event %d: %s is %s, and was last told to be %q", s.Seq, at, i.State, states[at])
				}
			}
		})
	}
}

// TestBackAndForth: a step is the same wherever one comes from, and from a file.
func TestBackAndForth(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	list := steps(t, tape)
	again, err := written(t, tape)
	if err != nil {
		t.Fatal(err)
	}
	p, err := replay.New(again, nobody)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		at := (i*7 + 3) % len(list)
		got, err := p.Go(list[at].Seq)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, list[at]) {
			t.Fatalf("event %d:\n%s\nwant\n%s", list[at].Seq, encoded(t, got), encoded(t, list[at]))
		}
	}
}

func encoded(t *testing.T, x any) string {
	t.Helper()
	raw, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestScope: expressions see what there was at an event, in the run and in its modules.
func TestScope(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	list := steps(t, tape)
	p, err := replay.New(tape, nobody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Scope(""); err == nil {
		t.Error("there is a scope before the first event")
	}
	for _, c := range []struct {
		seq            uint64
		in, expr, want string
	}{
		{1, "", "local.loud", `["ADA", "GRACE"]`},
		{1, "", "node.again", "(not known yet)"},
		{p.Last(), "", "node.again.text", `"Hello, GRACE!"`},
		{p.Last(), "", "[node.never, length(node.big.text), run.user]", ""},
		{p.Last(), "module.finish[\"a\"]", "var.title", `"Hello, ADA!!"`},
		{p.Last(), "module.finish[\"a\"]~1", "node.mark.text", `"Hello, ADA!!"`},
	} {
		if _, err := p.Go(c.seq); err != nil {
			t.Fatal(err)
		}
		scope, err := p.Scope(c.in)
		if err != nil {
			t.Fatal(err)
		}
		r, diags := scope.Evaluate(c.expr)
		if diags.HasErrors() || c.want != "" && r.Text != c.want {
			t.Errorf("%s at %d: %s, want %s %v", c.expr, c.seq, r.Text, c.want, diags)
		}
	}
	opened := find(t, list, run.ModuleOpened, `module.finish["a"]~2`).Seq
	if _, err := p.Go(opened - 1); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{`module.finish["a"]~2`, "module.nope", "node.each", "%"} {
		if _, err := p.Scope(in); err == nil {
			t.Errorf("%s has a scope before it was opened", in)
		}
	}
}

// TestVerify: a whole run comes out as it was recorded; a changed one does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	r, err := replay.Verify(tape, nobody)
	if err != nil || len(r.Problems) > 0 || r.Inputs < 8 || r.Expansions < 8 || r.Questions != 1 || r.Events != tape.Len() {
		t.Errorf("%+v, %v", r, err)
	}
	for _, c := range []struct{ from, to, why string }{
		{`"names":["Ada","Grace"]`, `"names":["Ada","Grace","Alan"]`, "for_each"},
		{`"skip":true,"reason":"when is false"`, `"keys":[""]`, "when"},
		{"Is Hello, GRACE! right?", "Is this right?", "question"},
	} {
		changed, err := written(t, tape, c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := replay.Verify(changed, nobody) // an error further on may follow
		if !slices.ContainsFunc(r.Problems, func(p replay.Problem) bool { return strings.Contains(p.Why, c.why) }) {
			t.Errorf("%s changed, and verifying found %+v", c.from, r.Problems)
		}
	}
}

// TestDamaged: what cannot be read is refused in words, and what is before it can be looked at.
func TestDamaged(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	for _, c := range []struct{ from, to, want string }{
		{`"version":1,"run"`, `"version":9,"run"`, "later version"},
		{`"version":1,"run"`, `"version":0,"run"`, "no file that spinbot replay --export wrote"},
		{`{"version"`, `<html>{"version"`, "no file that spinbot replay --export wrote"},
		{`"documents":{"sha256:`, `"documents":{"sha256:0`, "it is damaged"},
		{`"kind":"node_expanded","v":1`, `"kind":"node_expanded","v":2`, "written by a later version of spinbot"},
		{`"kind":"gate_opened"`, `"kind":"gate_ajar"`, "written by a later version of spinbot"},
		{`"kind":"run_created"`, `"kind":"run_paused"`, "its journal is damaged"},
		{`{"seq":4,`, `{"seq":5,`, "its journal is damaged"},
		{`"node":"again"`, `"node":"gone"`, "no such node"},
	} {
		changed, err := written(t, tape, c.from, c.to)
		var p *replay.Player
		if err == nil {
			p, err = replay.New(changed, nobody)
		}
		for err == nil {
			_, err = p.Step()
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.to, err, c.want)
		}
	}
}
