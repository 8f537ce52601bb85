package pipeline_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

func TestSmoke(t *testing.T) {
	src := `
pipeline "demo" { 
  description = "x" 
}
variable "topic" { type = string }
variable "n" { 
  type = number 
  default = 3 
}
locals { 
  style = "${var.topic}!" 
}
node "test.echo" "a" {
  text = local.style
  n = var.n
}
node "test.echo" "b" {
  for_each = node.a.list
  text = "${each.key}:${each.value}"
}
output "all" { value = succeeded(node.b)[*].text }
output "x" { value = [for i, b in node.b : b.txet] }
`
	ty := sdk.NodeType{Name: "test.echo", Inputs: sdk.Schema{Type: "object", Required: []string{"text"}, Properties: sdk.Properties{{Name: "text", Schema: sdk.Schema{Type: "string"}}, {Name: "n", Schema: sdk.Schema{Type: "integer", Default: 7}}}},
		Outputs: sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "text", Schema: sdk.Schema{Type: "string"}}, {Name: "list", Schema: sdk.Schema{Type: "array", Items: &sdk.Schema{Type: "string"}}}}}}
	b := pipeline.Bundle{Types: []sdk.NodeType{ty}}
	p, ds := pipeline.Load(fstest.MapFS{"d.hcl": {Data: []byte(src)}}, "d.hcl", b)
	ds.Write(os.Stdout, func(string) []byte { return []byte(src) }, false)
	vars, ds := p.Inputs(sdk.Values{"topic": "cats", "n": "5"})
	t.Log(vars, ds)
	s := p.NewScope(vars)
	e, ds := s.Expand("a")
	t.Log(e, ds)
	in, ds := s.Inputs("a", sdk.Key{})
	t.Log(in, ds)
	t.Log(s.SetNode("a", e, []sdk.Values{{"text": "x", "list": []any{"p", "q"}}}))
	e, ds = s.Expand("b")
	t.Log(e, ds)
	in, ds = s.Inputs("b", e.Keys[1])
	t.Log(in, ds)
	t.Log(s.SetNode("b", e, []sdk.Values{{"text": "x"}, nil}))
	t.Log(s.Outputs())
	t.Log(p.Graph().Text())
}
