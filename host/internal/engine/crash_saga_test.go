package engine_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// saga has something of every kind of event that an engine writes; tasks of test.one run one at a time.
const saga = head + `
node "test.do" "first" { v = ["a", "b"] }
node "test.one" "list" {
  for_each = node.first.v
  v        = upper(each.value)
  retry { attempts = 2 }
}
node "control.calc" "map" {
  for_each = { for i, x in node.list : x.v => i }
  v        = each.key
}
node "test.do" "odd" {
  v          = node.first.v[7]
  on_failure = "skip"
}
node "test.do" "hard" {
  v          = "wrong"
  on_failure = "pause"
}
node "test.do" "grow" {
  text = "x"
  repeat {
    max   = 3
    until = length(self.text) > 2
    next  = { text = self.text }
  }
}
node "test.do" "tight" {
  v = "large"
  degrade { set = { v = "small" } }
}
node "test.once" "once" {
  v       = "once"
  on_lost = "ask"
}
node "test.pure" "pure" {
  v = "pure"
  cache { ttl = "1h" }
}
node "test.pure" "same" {
  v = node.pure.v
  cache { ttl = "1h" }
}
node "test.do" "stuck" { on_failure = "continue" }
module "late" {
  source     = "./late.hcl"
  on_failure = "continue"
}
gate "ok" {
  message = "Go on?"
  show    = { v = node.first.v }
  form "word" { default = "yes" }
}
module "mod" {
  source = "./mod.hcl"
  word   = gate.ok.form.word
  repeat {
    max   = 2
    until = self.n == 2
    next  = { n = 2 }
  }
}
node "test.do" "big" { text = join("", values(node.map)[*].v) }
node "test.do" "end" {
  depends_on = [node.stuck, module.late]
  v = "${substr(node.big.text, -2, 2)} ${length(node.big.text)} ${module.mod.said} ${node.grow.text} ${node.tight.v} ${node.hard.v} ${node.once.v} ${node.same.v}"
}
output "o" { value = node.end.v }
-- late.hcl --
pipeline "late" {
  timeout = "30ms"
}
node "test.do" "hang" {}
-- mod.hcl --
pipeline "mod" {}
variable "word" {
  type = string
}
variable "n" {
  type    = number
  default = 1
}
node "test.do" "say" { v = "${var.word}${var.n}" }
output "said" { value = node.say.v }
output "n" { value = var.n }
`

const sagaSays = `{"o": "AB 100002 yes2 xxx small right once pure"}`

// diary writes a line when a task begins and one when it has its result.
type diary struct{ file *os.File }

func (d diary) Execute(ctx context.Context, t *sdk.Task) (sdk.Result, error) {
	d.write("began", t)
	defer d.write("ended", t)
	switch name := t.Address.Node.Name; {
	case name == "list" && t.Address.Node.Key == sdk.NumberKey(1) && t.Address.Attempt == 1:
		return sdk.Result{}, sdk.Fail("once", "")
	case name == "end" && t.Address.Attempt == 1:
		return sdk.Result{}, sdk.Refuse("not yet", "resume it")
	case name == "hard" && t.Inputs["v"] != "right":
		return sdk.Result{}, sdk.Refuse("wrong", "")
	case name == "tight" && t.Inputs["v"] == "large":
		return sdk.Result{}, &sdk.Error{Cause: sdk.CauseOOM, Message: "too big"}
	case name == "stuck", name == "hang":
		return hang(ctx, t)
	case name == "grow":
		return sdk.Result{Outputs: sdk.Values{"text": t.Inputs["text"].(string) + "x"}}, nil
	case name == "big":
		t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("half")})
		return sdk.Result{Outputs: sdk.Values{"text": strings.Repeat("x", 100_000) + t.Inputs["text"].(string)}}, nil
	}
	return give(t.Inputs["v"])
}

func (d diary) write(what string, t *sdk.Task) {
	if _, err := fmt.Fprintf(d.file, "%s %s %d\n", what, place(t.Address), t.Address.Attempt); err != nil {
		panic(err)
	}
}

// place is an instance's address in its run.
func place(at sdk.Address) string {
	at.Run, at.Attempt = "run_x", 0
	return strings.TrimPrefix(at.String(), "run_x/")
}
