package decode

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

// repeatBlock reads repeat { max, until, next, on_exhausted }.
func (l *Decoder) repeatBlock(n *pipeline.Node, b *hclsyntax.Block) {
	r := &pipeline.Repeat{OnExhausted: pipeline.FailRun}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"max":          l.Number(&r.Max, 1, pipeline.MaxRounds),
		"until":        func(e hclsyntax.Expression) { r.Until = e },
		"next":         func(e hclsyntax.Expression) { r.Next = e },
		"on_exhausted": l.Choice(&r.OnExhausted, pipeline.FailRun, pipeline.Continue),
	})
	l.NoBlocks(b)
	for _, name := range []string{"max", "until"} {
		if _, given := b.Body.Attributes[name]; !given {
			l.Fail(b.DefRange(), "write it repeat { max = 3, until = self.score >= 0.8 }, each on its line", "repeat without %s", name)
			return
		}
	}
	n.Repeat = r
}

// degradeBlock reads degrade { on, set }.
func (l *Decoder) degradeBlock(n *pipeline.Node, b *hclsyntax.Block) {
	l.Labels(b, "degrade { }", 0)
	on := "out_of_memory"
	rung := pipeline.Rung{}
	l.Attributes(b, map[string]func(hclsyntax.Expression){
		"on":  l.Choice(&on, syntax.Sorted(pipeline.DegradeCauses)...),
		"set": func(e hclsyntax.Expression) { rung.Set = e },
	})
	l.NoBlocks(b)
	if _, given := b.Body.Attributes["set"]; !given {
		l.Fail(b.DefRange(), "write the inputs that differ: set = { width = 768 }", "degrade without set")
		return
	}
	rung.On = pipeline.DegradeCauses[on]
	n.Degrade = append(n.Degrade, rung)
}
