package lsp_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
)

// chain is a pipeline of so many nodes, each of which refers to the one before it.
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
	return b.String()
}

// BenchmarkCompletion is one keystroke in a file of 10,000 nodes, from the edit sent to the proposals received.
func BenchmarkCompletion(b *testing.B) {
	for name, typed := range map[string]string{
		"reference": "  prompt = node.n5", "output": "  prompt = node.n5000.", "value": "  prompt = n", "input": "  mo",
	} {
		b.Run(name, func(b *testing.B) {
			cfg := config(b)
			cfg.Rest, cfg.Look = 0, 0
			dir := files(b, nil)
			film := filepath.Join(dir, "film.hcl")
			c := open(b, cfg, dir)
			src := chain(10_000)
			line := strings.Count(src[:len(src)/2], "\n")
			for !strings.HasPrefix(strings.Split(src, "\n")[line], "  model") {
				line++
			}
			c.didOpen(film, src)
			c.edit(film, line, 0, 0, typed+"\n") // a broken line in the middle of the file
			var took []time.Duration
			width := len(typed)
			var list protocol.CompletionList
			c.must("textDocument/completion", at(film, line, width), &list)
			if len(list.Items) == 0 {
				b.Fatal("no proposals")
			}
			for b.Loop() {
				began := time.Now()
				c.edit(film, line, 0, width, typed)
				c.call("textDocument/completion", at(film, line, width))
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}
