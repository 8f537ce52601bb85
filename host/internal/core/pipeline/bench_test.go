package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

// chain is a pipeline of so many nodes of about 250 bytes, each of which refers to the one before it.
func chain(nodes int) string {
	var b strings.Builder
	b.WriteString("pipeline \"film\" {}\nvariable \"topic\" {\n  type = string\n}\nlocals {\n  style = \"soft\"\n}\n")
	before := "var.topic"
	for i := range nodes {
		fmt.Fprintf(&b, `
node "ollama.chat" "n%d" {
  model        = "llama3.2"
  prompt       = "Write about ${%s} in the manner of ${local.style}, please"
  temperature  = 0.5
  timeout      = "5m"
  idle_timeout = "60s"
  retry {
    attempts = 3
    backoff  = "2s"
  }
}
`, i, before)
		before = fmt.Sprintf("node.n%d.text", i)
	}
	fmt.Fprintf(&b, "output \"text\" {\n  value = %s\n}\n", before)
	return b.String()
}

func BenchmarkLoad(b *testing.B) {
	for _, nodes := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			fsys, known := memory(chain(nodes)), types(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, ds := load.Load(fsys, "film.hcl", known); len(ds) > 0 {
					b.Fatal(ds[0])
				}
			}
		})
	}
}

func BenchmarkFormat(b *testing.B) {
	src := []byte(chain(1_000))
	for b.Loop() {
		_, _ = syntax.Format("", src)
	}
}

// BenchmarkScope is what one node costs during a run of 1,000 nodes: expand, inputs, result.
func BenchmarkScope(b *testing.B) {
	const nodes = 1_000
	p, ds := load.Load(memory(chain(nodes)), "film.hcl", types(b))
	if len(ds) > 0 {
		b.Fatal(ds)
	}
	b.ReportAllocs()
	s := eval.NewScope(p, sdk.Values{"topic": "cats"})
	for i := 0; b.Loop(); i++ {
		name := p.Nodes[i%nodes].Name
		e, ds := s.Expand(name)
		if ds.HasErrors() {
			b.Fatal(ds)
		}
		if _, ds = s.Inputs(name, e.Keys[0], eval.Turn{}); ds.HasErrors() {
			b.Fatal(ds)
		}
		if err := s.SetNode(name, e, []sdk.Values{{"text": "x", "tokens": 5}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFanOut evaluates the inputs of 1,000 instances of one node.
func BenchmarkFanOut(b *testing.B) {
	p, ds := load.Load(memory(head+"node \"control.storyboard\" \"x\" {\n  for_each = range(1000)\n  script = \"${each.key} of ${each.value}\"\n}\n"), "film.hcl", types(b))
	if len(ds) > 0 {
		b.Fatal(ds)
	}
	for b.Loop() {
		s := eval.NewScope(p, nil)
		e, _ := s.Expand("x")
		for _, k := range e.Keys {
			if _, ds := s.Inputs("x", k, eval.Turn{}); ds.HasErrors() {
				b.Fatal(ds)
			}
		}
	}
}
