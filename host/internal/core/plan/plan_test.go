package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/plan"
	"github.com/myspinbot/spinbot/sdk"
)

const film = `
pipeline "film" {}
variable "scenes" { type = list(string) }
node "test.do" "script" {
  v = "x"
  cache {}
}
node "test.do" "shot" {
  for_each = var.scenes
  v        = "${each.value}${node.script.v}"
  cache {}
  device {
    memory = "6GiB"
  }
}
module "finish" {
  source = "./finish.hcl"
  shots  = node.shot[*].v
}
node "test.do" "last" { v = module.finish.v }
output "v" { value = node.last.v }
`

const finish = `
pipeline "finish" {}
variable "shots" { type = list(string) }
node "test.do" "mix" {
  v = var.shots
  cache {}
}
output "v" { value = node.mix.v }
`

// TestMake plans with more and more results known.
func TestMake(t *testing.T) {
	t.Parallel()
	values := sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "v"}}}
	files := map[string][]byte{"film.hcl": []byte(film), "finish.hcl": []byte(finish)}
	types := pipeline.Bundle{Types: []sdk.NodeType{{Name: "test.do", Revision: "1", Inputs: values, Outputs: values, Idempotent: true}}}
	p, ds := load.Load(pipeline.Bundle{File: "film.hcl", Files: files}.FS(), "film.hcl", types)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	for known, want := range map[string]string{
		"": `node.script: run 1 no result with these inputs is known
node.shot: run 2 its inputs depend on node.script
module.finish: run 1 its inputs depend on node.shot
node.last: run 1 its inputs depend on module.finish
4s 3s false`,
		"script": `node.script: cached 1 known from run_1/node.script/1
node.shot: run 2 no result with these inputs is known
module.finish: run 1 its inputs depend on node.shot
node.last: run 1 its inputs depend on module.finish
3s 2s false`,
		"script shot": `node.script: cached 1 known from run_1/node.script/1
node.shot: cached 2 known from run_1
module.finish: run 1 
module.finish/node.mix: run 1 no result with these inputs is known
node.last: run 1 its inputs depend on module.finish
2s 2s true`,
		"script shot mix": `node.script: cached 1 known from run_1/node.script/1
node.shot: cached 2 known from run_1
module.finish: cached 1 all in it is known
module.finish/node.mix: cached 1 known from run_1/node.mix/1
node.last: run 1 its results are not cached
1s 1s true`,
	} {
		made := plan.Make(p, sdk.Values{"scenes": []any{"a", "b"}}, plan.Sources{
			Result: func(n *pipeline.Node, _ string) (sdk.Values, string, bool) {
				return sdk.Values{"v": n.Name}, "run_1/node." + n.Name + "/1", n.Cache != nil && strings.Contains(known, n.Name)
			},
			Past: func(string) []plan.Past { return []plan.Past{{Lasted: time.Second}, {Lasted: time.Second}} },
		})
		var b strings.Builder
		for _, n := range made.Nodes {
			fmt.Fprintf(&b, "%s: %s %d %s\n", n.At, n.Verdict, n.Instances, n.Why)
		}
		fmt.Fprint(&b, made.Work, " ", made.Least, " ", made.Complete)
		if got := b.String(); got != want {
			t.Errorf("known %q: got\n%s\nwant\n%s", known, got, want)
		}
		if d := made.Nodes[1].Device; d == nil || d.Memory != 6<<30 {
			t.Error(d)
		}
	}
	none := plan.Make(p, sdk.Values{"scenes": []any{}}, plan.Sources{
		Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false },
	})
	if n := none.Nodes[1]; n.Verdict != plan.Cached || n.Instances != 0 || none.Complete {
		t.Error(n, none.Complete)
	}
}

// TestEmptyWhateverWhen: what is over nothing does nothing, though nobody knows yet what its when says; neither does what follows it.
func TestEmptyWhateverWhen(t *testing.T) {
	t.Parallel()
	values := sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "v"}}}
	types := pipeline.Bundle{Types: []sdk.NodeType{{Name: "test.do", Revision: "1", Inputs: values, Outputs: values}}}
	text := `
pipeline "p" {}
variable "large" { type = bool }
gate "ok" {
  message = "go on?"
}
node "test.do" "a" {
  for_each = var.large ? ["one"] : []
  when     = gate.ok.approved
  v        = each.value
}
node "test.do" "b" {
  for_each = node.a
  v        = each.value.v
}
`
	p, ds := load.Load(pipeline.Bundle{File: "p.hcl", Files: map[string][]byte{"p.hcl": []byte(text)}}.FS(), "p.hcl", types)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	for large, want := range map[bool]plan.Verdict{false: plan.Cached, true: plan.Unknown} {
		made := plan.Make(p, sdk.Values{"large": large}, plan.Sources{
			Result: func(*pipeline.Node, string) (sdk.Values, string, bool) { return nil, "", false },
		})
		for _, n := range made.Nodes[1:] {
			if n.Verdict != want || (n.Instances == 0) == large {
				t.Errorf("large %v: %+v", large, n)
			}
		}
	}
}
