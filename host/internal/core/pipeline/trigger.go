package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/schedule"
	"github.com/myspinbot/spinbot/sdk"
)

// TriggerKind is what sets a trigger off.
type TriggerKind string

// The kinds of triggers.
const (
	Cron    TriggerKind = "cron"    // a time has come
	Webhook TriggerKind = "webhook" // another program asks, with a signature
)

// Trigger makes runs of its pipeline by itself.
type Trigger struct {
	Name string
	Kind TriggerKind
	// Schedule of a Cron.
	Schedule schedule.Schedule
	// CatchUp fires a Cron once for times that passed while no host was running.
	CatchUp bool
	// Overlap says what a Cron does while its last run goes on: OverlapSkip or OverlapQueue.
	Overlap string
	// Secret is the name of the secret that a Webhook's signatures are made with.
	Secret string
	// Files are what its inputs name by artifact(): relative to the pipeline's folder, clean, in order.
	Files []string
	Range Range

	inputs, secret hclsyntax.Expression
	locals         []string // that the inputs refer to
}

// What a Cron does while its last run goes on.
const (
	OverlapSkip  = "skip"  // leave this time out
	OverlapQueue = "queue" // make the run once that one has ended
)

// Trigger finds a trigger by name.
func (p *Pipeline) Trigger(name string) (*Trigger, bool) {
	i := slices.IndexFunc(p.Triggers, func(t *Trigger) bool { return t.Name == name })
	if i < 0 {
		return nil, false
	}
	return p.Triggers[i], true
}

// triggerBlock reads trigger "cron" "name" { … } and trigger "webhook" "name" { … }.
func (l *loader) triggerBlock(b *hclsyntax.Block) {
	if len(l.stack) > 1 {
		l.add(Warning, rangeOf(b.DefRange()), "only the pipeline that is run has triggers, not its modules", "this trigger never fires")
		return
	}
	if !l.labels(b, `trigger "cron" "name" { } or trigger "webhook" "name" { }`, 2) {
		return
	}
	t := &Trigger{Kind: TriggerKind(b.Labels[0]), Name: b.Labels[1], Overlap: OverlapSkip, Range: rangeOf(b.DefRange())}
	readers := map[string]func(hclsyntax.Expression){"inputs": func(e hclsyntax.Expression) { t.inputs = e }}
	needed, example := "", ""
	var text, zone string
	switch t.Kind {
	case Cron:
		needed, example = "schedule", `schedule = "0 3 * * *"`
		readers["schedule"], readers["timezone"] = l.text(&text), l.text(&zone)
		readers["catch_up"] = l.flag(&t.CatchUp)
		readers["overlap"] = l.choice(&t.Overlap, OverlapSkip, OverlapQueue)
	case Webhook:
		needed, example = "secret", `secret = secret.hook, after a block secret "hook" {}`
		readers["secret"] = func(e hclsyntax.Expression) { t.secret = e }
	default:
		kinds := []string{string(Cron), string(Webhook)}
		l.fail(b.LabelRanges[0], "there are "+strings.Join(kinds, " and ")+expr.DidYouMean(b.Labels[0], kinds), "unknown kind of trigger %q", b.Labels[0])
		return
	}
	l.attributes(b, readers)
	l.noBlocks(b)
	if b.Body.Attributes[needed] == nil {
		l.fail(b.DefRange(), "add "+example, "trigger %q has no %s", t.Name, needed)
	}
	if t.Kind == Cron {
		l.schedule(t, b, text, zone)
	}
	if other, twice := l.p.Trigger(t.Name); twice {
		l.duplicate(b.LabelRanges[1], "trigger", t.Name, other.Range)
		return
	}
	l.p.Triggers = append(l.p.Triggers, t)
}

// schedule parses what was read, each mistake reported where it stands.
func (l *loader) schedule(t *Trigger, b *hclsyntax.Block, text, zone string) {
	if _, err := schedule.Zone(zone); err != nil {
		l.fail(b.Body.Attributes["timezone"].Expr.Range(), "", "%s", err)
		zone = ""
	}
	a := b.Body.Attributes["schedule"]
	if a == nil || text == "" && !isEmptyText(a.Expr) {
		return // said already
	}
	s, err := schedule.Parse(text, zone)
	if err != nil {
		l.fail(a.Expr.Range(), "minute hour day month weekday, such as \"0 3 * * *\" for three o'clock every day", "%s", err)
	}
	t.Schedule = s
}

func isEmptyText(e hclsyntax.Expression) bool {
	v, found := expr.Eval(e, nil)
	return !found.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull()
}

// resolveTrigger finds what a trigger refers to.
func (l *loader) resolveTrigger(t *Trigger) {
	if t.secret != nil {
		l.triggerSecret(t)
	}
	r := l.refs(t.inputs, place{what: "a trigger's inputs", trigger: t})
	t.locals = r.locals
}

func (l *loader) triggerSecret(t *Trigger) {
	path, found := hcl.AbsTraversalForExpr(t.secret)
	name, ok := "", false
	if !found.HasErrors() && len(path) == 2 && path.RootName() == "secret" {
		name, ok = attributeName(path, 1)
	}
	if !ok {
		l.fail(t.secret.Range(), "write secret = secret.<name>, without quotes; a secret's value never stands in a file", "secret wants a secret")
		return
	}
	known := make([]string, len(l.p.Secrets))
	for i, s := range l.p.Secrets {
		known[i] = s.Name
	}
	if !slices.Contains(known, name) {
		detail := fmt.Sprintf("add a block: secret %q {}", name)
		if len(known) > 0 {
			detail = "the file declares " + shortList(known) + expr.DidYouMean(name, known)
		}
		l.fail(expr.NameRange(path[1]), detail, "no secret named %q", name)
		return
	}
	t.Secret = name
}

// triggerNames are the parts of trigger that a kind has.
var triggerNames = map[TriggerKind][]string{
	Cron:    {"time", "name"},
	Webhook: {"time", "name", "body", "headers", "query"},
}

// inTrigger says whether the root of a reference may stand in a trigger's inputs.
func (l *loader) inTrigger(t hcl.Traversal, at place) bool {
	switch t.RootName() {
	case "trigger", "local":
		return true
	case "var":
		l.fail(t.SourceRange(), "they are what gives the variables their values", "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	case "secret":
		l.fail(t.SourceRange(), "they become part of the run, for everybody to read", "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	case "node", "gate", "module", "run":
		l.fail(t.SourceRange(), "there is no run yet; refer to trigger."+strings.Join(triggerNames[at.trigger.Kind], ", trigger."), "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	}
	return true
}

// triggerFile takes in what artifact() names: a file that is there now. Its bytes are read when a run is made.
func (l *loader) triggerFile(call *hclsyntax.FunctionCallExpr, t *Trigger) {
	if len(call.Args) != 1 || call.ExpandFinal {
		return // a wrong number of arguments is found when types are checked
	}
	l.subject = "the argument of artifact"
	l.read(sdk.Schema{Type: "string"}, func(x any) {
		name, err := expr.Exists(l.fsys, l.file, x.(string))
		if err != nil {
			l.fail(call.Args[0].Range(), "", "%s", err)
			return
		}
		if !slices.Contains(t.Files, name) {
			t.Files = append(t.Files, name)
			slices.Sort(t.Files)
		}
	})(call.Args[0])
}

// checkTrigger checks a trigger's inputs against the variables, as far as types go.
func (l *loader) checkTrigger(t *Trigger) {
	given, all := l.triggerInputs(t)
	if !all {
		return // its names show when it fires
	}
	for _, v := range l.p.Variables {
		if !given[v.Name] && !v.HasDefault {
			detail := "add it to inputs, or give the variable a default"
			if v.Description != "" {
				detail = v.Description + "\n" + detail
			}
			l.add(Error, t.Range, detail, "trigger %q gives variable %q no value", t.Name, v.Name)
		}
	}
}

// triggerInputs checks each input, and says which are given, and whether all are known by name.
func (l *loader) triggerInputs(t *Trigger) (given map[string]bool, all bool) {
	given = map[string]bool{}
	if t.inputs == nil {
		return given, true
	}
	names := l.triggerScope(t)
	if written, ok := t.inputs.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range written.Items {
			name, ok := expr.KeyName(item.KeyExpr)
			if !ok {
				l.infer(item.ValueExpr, refs{}, names)
				return given, false
			}
			l.triggerInput(item.ValueExpr, name, "", l.infer(item.ValueExpr, refs{}, names), given)
		}
		return given, true
	}
	v := l.infer(t.inputs, refs{}, names)
	switch {
	case v.IsKnown() && v.IsNull():
		return given, true
	case v.Type().IsObjectType():
		for name, of := range v.Type().AttributeTypes() {
			x := cty.UnknownVal(of)
			if v.IsKnown() {
				x = v.GetAttr(name)
			}
			l.triggerInput(t.inputs, name, name, x, given)
		}
		return given, true
	case v.Type() != cty.DynamicPseudoType && !v.Type().IsMapType():
		l.fail(t.inputs.Range(), "write it inputs = { name = value }", "inputs wants an object, got %s", expr.Describe(v.Type()))
	}
	return given, false
}

// triggerInput checks the value of one input, which stands at a path within e.
func (l *loader) triggerInput(e hclsyntax.Expression, name, within string, x cty.Value, given map[string]bool) {
	variable, ok := l.p.variables[name]
	if !ok {
		known := l.variableNames()
		detail := "the pipeline has no variables"
		if len(known) > 0 {
			detail = "its variables are " + shortList(known) + expr.DidYouMean(name, known)
		}
		if near := expr.Nearest(name, known); near != "" {
			given[near] = true // it stands there, misspelt
		}
		l.fail(locate(e, within), detail, "the pipeline has no variable %q", name)
		return
	}
	if x.IsKnown() && x.IsNull() {
		return
	}
	given[name] = true
	for _, f := range l.assets.files.Fit(&variable.Schema, x) {
		l.fail(locate(e, within+pathBelow(f.Path)), variable.Description, "input %s: %s", joinPath(name, f.Path), f.Message)
	}
}

// triggerScope is what a trigger's inputs see. A name that is not there has been reported, and is anything.
func (l *loader) triggerScope(t *Trigger) map[string]cty.Value {
	types := map[string]cty.Value{
		"time": cty.UnknownVal(cty.String), "name": cty.UnknownVal(cty.String), "body": cty.DynamicVal,
		"headers": cty.UnknownVal(cty.Map(cty.String)), "query": cty.UnknownVal(cty.Map(cty.String)),
	}
	scope := map[string]map[string]cty.Value{"trigger": {}, "local": {}}
	for _, name := range triggerNames[t.Kind] {
		scope["trigger"][name] = types[name]
	}
	for _, path := range t.inputs.Variables() {
		name, ok := attributeName(path, 1)
		of := scope[path.RootName()]
		if _, there := of[name]; there || of == nil || !ok {
			continue
		}
		of[name] = cty.DynamicVal
		if _, isLocal := l.p.locals[name]; isLocal && path.RootName() == "local" {
			if of[name], ok = l.constantLocal(name); !ok {
				l.fail(path.SourceRange(), "it refers to what there is in a run only", "local.%s is not known before a run", name)
			}
		}
	}
	return map[string]cty.Value{"trigger": cty.ObjectVal(scope["trigger"]), "local": cty.ObjectVal(scope["local"])}
}

// pathBelow is a path as it follows a name.
func pathBelow(path string) string {
	if path == "" || path[0] == '[' {
		return path
	}
	return "." + path
}
