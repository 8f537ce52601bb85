package decode

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/schedule"
)

// triggerBlock reads trigger "cron" "name" { … } and trigger "webhook" "name" { … }.
func (l *Decoder) triggerBlock(b *hclsyntax.Block) {
	if len(l.Stack) > 1 {
		l.Add(diagnostic.Warning, diagnostic.RangeOf(b.DefRange()), "only the pipeline that is run has triggers, not its modules", "this trigger never fires")
		return
	}
	if !l.Labels(b, `trigger "cron" "name" { } or trigger "webhook" "name" { }`, 2) {
		return
	}
	t := &pipeline.Trigger{Kind: pipeline.TriggerKind(b.Labels[0]), Name: b.Labels[1], Overlap: pipeline.OverlapSkip, Range: diagnostic.RangeOf(b.DefRange())}
	readers := map[string]func(hclsyntax.Expression){"inputs": func(e hclsyntax.Expression) { t.Inputs = e }}
	needed, example := "", ""
	var text, zone string
	switch t.Kind {
	case pipeline.Cron:
		needed, example = "schedule", `schedule = "0 3 * * *"`
		readers["schedule"], readers["timezone"] = l.Text(&text), l.Text(&zone)
		readers["catch_up"] = l.Flag(&t.CatchUp)
		readers["overlap"] = l.Choice(&t.Overlap, pipeline.OverlapSkip, pipeline.OverlapQueue)
	case pipeline.Webhook:
		needed, example = "secret", `secret = secret.hook, after a block secret "hook" {}`
		readers["secret"] = func(e hclsyntax.Expression) { t.SecretExpr = e }
	default:
		kinds := []string{string(pipeline.Cron), string(pipeline.Webhook)}
		l.Fail(b.LabelRanges[0], "there are "+strings.Join(kinds, " and ")+expr.DidYouMean(b.Labels[0], kinds), "unknown kind of trigger %q", b.Labels[0])
		return
	}
	l.Attributes(b, readers)
	l.NoBlocks(b)
	if b.Body.Attributes[needed] == nil {
		l.Fail(b.DefRange(), "add "+example, "trigger %q has no %s", t.Name, needed)
	}
	if t.Kind == pipeline.Cron {
		l.schedule(t, b, text, zone)
	}
	if other, twice := l.Pipeline.Trigger(t.Name); twice {
		l.Duplicate(b.LabelRanges[1], "trigger", t.Name, other.Range)
		return
	}
	l.Pipeline.Triggers = append(l.Pipeline.Triggers, t)
}

// schedule parses what was read, each mistake reported where it stands.
func (l *Decoder) schedule(t *pipeline.Trigger, b *hclsyntax.Block, text, zone string) {
	if _, err := schedule.Zone(zone); err != nil {
		l.Fail(b.Body.Attributes["timezone"].Expr.Range(), "", "%s", err)
		zone = ""
	}
	a := b.Body.Attributes["schedule"]
	if a == nil || text == "" && !isEmptyText(a.Expr) {
		return // said already
	}
	s, err := schedule.Parse(text, zone)
	if err != nil {
		l.Fail(a.Expr.Range(), "minute hour day month weekday, such as \"0 3 * * *\" for three o'clock every day", "%s", err)
	}
	t.Schedule = s
}

func isEmptyText(e hclsyntax.Expression) bool {
	v, found := expr.Eval(e, nil)
	return !found.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull()
}
