package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/graph"
	"github.com/myspinbot/spinbot/sdk"
)

// place says what an expression may refer to, beside functions.
type place struct {
	what  string // for diagnostics: "a validation"
	nodes bool   // node.*, gate.*, module.*, local.* and run.*
	each  bool
	self  bool
	run   bool // run.*, though no nodes
	// trigger is set in its inputs, where nothing of a run is.
	trigger *Trigger
}

// resolve finds what every expression refers to, reports what is not there, and orders nodes and locals.
func (l *loader) resolve() {
	for _, v := range l.p.Variables {
		for _, check := range v.validations {
			l.refs(check.condition, place{what: "a validation"})
			l.refs(check.message, place{what: "a validation"})
		}
	}
	locals := slices.SortedFunc(maps.Values(l.p.locals), func(a, b *local) int { return a.rng.Start.Byte - b.rng.Start.Byte })
	for _, x := range locals {
		x.refs = l.refs(x.expr, place{what: "locals", nodes: true})
	}
	for i, n := range l.p.Nodes {
		l.resolveNode(n, l.blocks[i])
	}
	for _, o := range l.p.Outputs {
		o.refs = l.refs(o.value, place{what: "an output", nodes: true})
	}
	if c := l.p.Concurrency; c != nil {
		c.refs = l.refs(c.key, place{what: "a concurrency key", run: true})
	}
	for _, t := range l.p.Triggers {
		l.resolveTrigger(t)
	}
	l.order(locals)
}

func (l *loader) resolveNode(n *Node, b *hclsyntax.Block) {
	add := func(r refs) {
		n.refs.vars = union(n.refs.vars, r.vars)
		n.refs.locals = union(n.refs.locals, r.locals)
		n.refs.direct = union(n.refs.direct, r.direct)
		n.refs.secrets = union(n.refs.secrets, r.secrets)
	}
	if n.forEach != nil {
		add(l.refs(n.forEach, place{what: "for_each", nodes: true}))
	}
	if n.when != nil {
		add(l.refs(n.when, place{what: "when", nodes: true}))
		n.whenRange = rangeOf(n.when.Range())
	}
	inner := place{what: fmt.Sprintf("a %s without for_each", n.Kind), nodes: true, each: n.ForEach}
	for _, in := range n.inputs {
		if in.fixed == nil {
			add(l.refs(in.expr, inner))
		}
	}
	for _, rung := range n.Degrade {
		add(l.refs(rung.set, inner))
	}
	round := inner
	round.self = true
	if n.Repeat != nil {
		add(l.refs(n.Repeat.until, round))
		add(l.refs(n.Repeat.next, round))
	}
	if n.Gate != nil {
		for _, f := range n.Gate.Fields {
			add(l.refs(f.fallback, inner))
			for _, check := range f.validations {
				add(l.refs(check.condition, round))
				add(l.refs(check.message, round))
			}
		}
	}
	if a := b.Body.Attributes["depends_on"]; a != nil {
		n.Needs = l.dependsOn(a.Expr)
	}
}

func union(to, from []string) []string {
	for _, s := range from {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}

func (l *loader) dependsOn(e hclsyntax.Expression) (names []string) {
	list, ok := e.(*hclsyntax.TupleConsExpr)
	if !ok {
		l.fail(e.Range(), "write it depends_on = [node.a, gate.b]", "depends_on wants a list of nodes")
		return nil
	}
	for _, item := range list.Exprs {
		t, found := hcl.AbsTraversalForExpr(item)
		if found.HasErrors() || len(t) != 2 || !isKind(t.RootName()) {
			l.fail(item.Range(), "write it node.<name>, gate.<name> or module.<name>, without quotes and without an output", "depends_on wants nodes")
			continue
		}
		if r := l.refs(item, place{nodes: true}); len(r.direct) == 1 {
			names = append(names, r.direct[0])
		}
	}
	return names
}

// refs reads the references of one expression; what is not there is reported.
func (l *loader) refs(e hclsyntax.Expression, at place) (r refs) {
	if e == nil {
		return r
	}
	l.loadFiles(e, at)
	l.bare(e)
	for _, t := range e.Variables() {
		l.reference(t, at, &r)
	}
	return r
}

// reference reads one reference.
func (l *loader) reference(t hcl.Traversal, at place, r *refs) {
	if !l.allowed(t, at) {
		return
	}
	switch root := t.RootName(); root {
	case "var":
		r.vars = union(r.vars, l.named(t, "variable", l.variableNames))
	case "local":
		r.locals = union(r.locals, l.named(t, "local", func() []string { return slices.Sorted(maps.Keys(l.p.locals)) }))
	case "node", "gate", "module":
		for _, name := range l.named(t, root, l.namesOf(Kind(root))) {
			r.direct = union(r.direct, []string{id(Kind(root), name)})
		}
	case "secret":
		r.secrets = union(r.secrets, l.named(t, "secret", l.secretNames))
	case "each":
		r.each = true
		l.member(t, "each", []string{"key", "value"})
	case "run":
		l.member(t, "run", []string{"id", "user"})
	case "trigger":
		if len(t) > 1 { // alone it is all that it has
			l.member(t, "trigger", triggerNames[at.trigger.Kind])
		}
	}
}

func (l *loader) variableNames() []string {
	names := make([]string, len(l.p.Variables))
	for i, v := range l.p.Variables {
		names[i] = v.Name
	}
	return names
}

func isKind(root string) bool {
	return root == string(KindNode) || root == string(KindGate) || root == string(KindModule)
}

// namesOf lists the nodes of a kind by name.
func (l *loader) namesOf(kind Kind) func() []string {
	return func() (names []string) {
		for _, n := range l.p.Nodes {
			if n.Kind == kind {
				names = append(names, n.Name)
			}
		}
		return names
	}
}

var roots = []string{"var", "local", "node", "gate", "module", "each", "self", "run", "secret", "trigger"}

// allowed says whether the root of a reference may be used at a place.
func (l *loader) allowed(t hcl.Traversal, at place) bool {
	rng := t[0].SourceRange()
	if at.trigger != nil && slices.Contains(roots, t.RootName()) && !l.inTrigger(t, at) {
		return false
	}
	switch root := t.RootName(); root {
	case "var":
		return true
	case "local", "node", "gate", "module", "run", "secret":
		if at.run && root == "run" {
			return true
		}
		if !at.nodes && at.trigger == nil {
			l.fail(t.SourceRange(), "it is looked at when a run is submitted, before any node; refer to var.<name> only", "%s cannot refer to %s", at.what, expr.Spell(t))
		}
		return at.nodes || at.trigger != nil
	case "each":
		if !at.each {
			detail := "each.key and each.value are the current element of a node's for_each; they stand in its inputs"
			l.fail(t.SourceRange(), detail, "no each in %s", at.what)
		}
		return at.each
	case "self":
		if !at.self {
			l.fail(t.SourceRange(), "self is the result of a round in a repeat block, and the value in a form field's validation", "no self here")
		}
		return at.self
	case "trigger":
		if at.trigger == nil {
			l.fail(t.SourceRange(), "it stands in the inputs of a trigger block; pass it on as a variable", "no trigger here")
		}
		return at.trigger != nil
	default:
		l.fail(rng, l.rootHint(t), "unknown name %q", root)
		return false
	}
}

// rootHint guesses what a bare name was meant to be.
func (l *loader) rootHint(t hcl.Traversal) string {
	root := t.RootName()
	switch {
	case l.p.nodes[root] != nil:
		return fmt.Sprintf("did you mean node.%s?", expr.Spell(t))
	case l.p.nodes[id(KindGate, root)] != nil:
		return fmt.Sprintf("did you mean gate.%s?", expr.Spell(t))
	case l.p.nodes[id(KindModule, root)] != nil:
		return fmt.Sprintf("did you mean module.%s?", expr.Spell(t))
	case l.p.variables[root] != nil:
		return fmt.Sprintf("did you mean var.%s?", expr.Spell(t))
	case l.p.locals[root] != nil:
		return fmt.Sprintf("did you mean local.%s?", expr.Spell(t))
	case len(t) == 1:
		return fmt.Sprintf("text stands in quotes: %q; references begin with var, local, node or each", root)
	}
	return "references begin with var, local, node, gate, module, each or run" + expr.DidYouMean(root, roots)
}

// attributeName gives the name at a place of a reference: node.x and node["x"] alike.
func attributeName(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// named gives the name after the root, or nothing when it is not there.
func (l *loader) named(t hcl.Traversal, what string, names func() []string) []string {
	name, ok := attributeName(t, 1)
	if !ok {
		l.fail(t.SourceRange(), fmt.Sprintf("write %s.<name>; names cannot be computed", t.RootName()), "%s alone is no value", t.RootName())
		return nil
	}
	exists := false
	switch what {
	case "variable":
		exists = l.p.variables[name] != nil
	case "local":
		exists = l.p.locals[name] != nil
	case "secret":
		_, exists = l.p.Secret(name)
	default:
		exists = l.p.nodes[id(Kind(what), name)] != nil
	}
	if !exists {
		known := names()
		detail := "the file declares no " + what + "s"
		if len(known) > 0 {
			detail = "the file declares " + shortList(known) + expr.DidYouMean(name, known)
		}
		l.fail(expr.NameRange(t[1]), detail, "no %s named %q", what, name)
		return nil
	}
	return []string{name}
}

func shortList(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + fmt.Sprintf(" and %d more", len(names)-12)
	}
	return strings.Join(names, ", ")
}

func (l *loader) member(t hcl.Traversal, root string, known []string) {
	name, ok := attributeName(t, 1)
	if ok && slices.Contains(known, name) {
		return
	}
	l.fail(t.SourceRange(), fmt.Sprintf("there are %s.%s%s", root, strings.Join(known, " and "+root+"."), expr.DidYouMean(name, known)), "unknown name %s", expr.Spell(t))
}

// order follows locals to the nodes behind them, fills Needs, and reports cycles.
func (l *loader) order(locals []*local) {
	g := graph.New("")
	for _, n := range l.p.Nodes {
		g.Add(n.address(), "", "")
		for _, x := range n.refs.locals {
			g.Need(n.address(), "local."+x)
		}
		for _, need := range union(slices.Clone(n.refs.direct), n.Needs) {
			g.Need(n.address(), l.p.nodes[need].address())
		}
	}
	for _, x := range locals {
		g.Add("local."+x.name, "", "")
		for _, y := range x.refs.locals {
			g.Need("local."+x.name, "local."+y)
		}
		for _, need := range x.refs.direct {
			g.Need("local."+x.name, l.p.nodes[need].address())
		}
	}
	for _, cycle := range g.Cycles() {
		l.cycle(cycle)
	}
	l.close(g)
}

func (l *loader) cycle(path []string) {
	kind, name, _ := strings.Cut(path[0], ".")
	var rng Range
	if isKind(kind) {
		rng = l.p.nodes[id(Kind(kind), name)].Range
	} else {
		rng = l.p.locals[name].rng
	}
	detail := "each needs the next; take one of the references out"
	if len(path) == 2 {
		detail = "it refers to itself"
	}
	l.add(Error, rng, detail, "cycle: %s", strings.Join(path, " -> "))
}

// close carries references through locals, in an order in which each local comes after those it uses.
func (l *loader) close(g *graph.Graph) {
	order, _ := g.Order()
	for _, item := range order {
		if name, ok := strings.CutPrefix(item, "local."); ok {
			x := l.p.locals[name]
			l.follow(&x.refs)
		}
	}
	for _, n := range l.p.Nodes {
		l.follow(&n.refs)
		n.Needs = l.inFileOrder(union(n.Needs, n.refs.nodes))
	}
	for _, o := range l.p.Outputs {
		l.follow(&o.refs)
		o.Needs = l.inFileOrder(slices.Clone(o.refs.nodes))
	}
}

func (l *loader) follow(r *refs) {
	r.nodes = slices.Clone(r.direct)
	for _, name := range slices.Clone(r.locals) {
		x := l.p.locals[name]
		r.vars, r.locals, r.nodes = union(r.vars, x.refs.vars), union(r.locals, x.refs.locals), union(r.nodes, x.refs.nodes)
		r.secrets = union(r.secrets, x.refs.secrets)
	}
}

func (l *loader) inFileOrder(names []string) []string {
	slices.SortFunc(names, func(a, b string) int {
		return l.p.nodes[a].Range.Start.Byte - l.p.nodes[b].Range.Start.Byte
	})
	return names
}

// loadFiles reads what file() and templatefile() name: their first argument must be known now.
// artifact() names what a trigger's run is given.
func (l *loader) loadFiles(e hclsyntax.Expression, at place) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		switch {
		case ok && call.Name == "artifact" && at.trigger != nil:
			l.triggerFile(call, at.trigger)
		case ok && call.Name == "artifact":
			l.fail(call.NameRange, "it stands in the inputs of a trigger block; elsewhere give files to a run as variables of type artifact", "no artifact() here")
		}
		if ok && call.Name == "asset" {
			l.assetCall(call)
		}
		if ok && (call.Name == "file" || call.Name == "templatefile") && len(call.Args) > 0 && !call.ExpandFinal {
			l.subject = "the argument of " + call.Name
			l.read(sdk.Schema{Type: "string"}, func(x any) { l.loadFile(call, x.(string)) })(call.Args[0])
		}
		return nil
	})
}
