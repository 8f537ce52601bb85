package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/decode"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

// place says what an expression may refer to, beside functions.
type place struct {
	what  string // for diagnostics: "a validation"
	nodes bool   // node.*, gate.*, module.*, local.* and run.*
	each  bool
	self  bool
	run   bool // run.*, though no nodes
	// trigger is set in its inputs, where nothing of a run is.
	trigger *pipeline.Trigger
}

// refs reads the references of one expression; what is not there is reported.
func (l *checker) refs(e hclsyntax.Expression, at place) (r pipeline.Refs) {
	if e == nil {
		return r
	}
	l.LoadFiles(e, at.trigger)
	l.bare(e)
	for _, t := range e.Variables() {
		l.reference(t, at, &r)
	}
	return r
}

// reference reads one reference.
func (l *checker) reference(t hcl.Traversal, at place, r *pipeline.Refs) {
	if !l.allowed(t, at) {
		return
	}
	switch root := t.RootName(); root {
	case "var":
		r.Vars = pipeline.Union(r.Vars, l.named(t, "variable", l.variableNames))
	case "local":
		r.Locals = pipeline.Union(r.Locals, l.named(t, "local", func() []string { return slices.Sorted(maps.Keys(l.Pipeline.Locals)) }))
	case "node", "gate", "module":
		for _, name := range l.named(t, root, l.namesOf(pipeline.Kind(root))) {
			r.Direct = pipeline.Union(r.Direct, []string{pipeline.IDOf(pipeline.Kind(root), name)})
		}
	case "secret":
		r.Secrets = pipeline.Union(r.Secrets, l.named(t, "secret", l.secretNames))
	case "each":
		l.member(t, "each", []string{"key", "value"})
	case "run":
		l.member(t, "run", []string{"id", "user"})
	case "trigger":
		if len(t) > 1 { // alone it is all that it has
			l.member(t, "trigger", at.trigger.Kind.Parts())
		}
	}
}

func (l *checker) secretNames() []string {
	names := make([]string, len(l.Pipeline.Secrets))
	for i, s := range l.Pipeline.Secrets {
		names[i] = s.Name
	}
	return names
}

func (l *checker) variableNames() []string {
	names := make([]string, len(l.Pipeline.Variables))
	for i, v := range l.Pipeline.Variables {
		names[i] = v.Name
	}
	return names
}

// namesOf lists the nodes of a kind by name.
func (l *checker) namesOf(kind pipeline.Kind) func() []string {
	return func() (names []string) {
		for _, n := range l.Pipeline.Nodes {
			if n.Kind == kind {
				names = append(names, n.Name)
			}
		}
		return names
	}
}

var roots = []string{"var", "local", "node", "gate", "module", "each", "self", "run", "secret", "trigger"}

// allowed says whether the root of a reference may be used at a place.
func (l *checker) allowed(t hcl.Traversal, at place) bool {
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
			l.Fail(t.SourceRange(), "it is looked at when a run is submitted, before any node; refer to var.<name> only", "%s cannot refer to %s", at.what, expr.Spell(t))
		}
		return at.nodes || at.trigger != nil
	case "each":
		if !at.each {
			detail := "each.key and each.value are the current element of a node's for_each; they stand in its inputs"
			l.Fail(t.SourceRange(), detail, "no each in %s", at.what)
		}
		return at.each
	case "self":
		if !at.self {
			l.Fail(t.SourceRange(), "self is the result of a round in a repeat block, and the value in a form field's validation", "no self here")
		}
		return at.self
	case "trigger":
		if at.trigger == nil {
			l.Fail(t.SourceRange(), "it stands in the inputs of a trigger block; pass it on as a variable", "no trigger here")
		}
		return at.trigger != nil
	default:
		l.Fail(rng, l.rootHint(t), "unknown name %q", root)
		return false
	}
}

// rootHint guesses what a bare name was meant to be.
func (l *checker) rootHint(t hcl.Traversal) string {
	root := t.RootName()
	switch {
	case l.Pipeline.NodeByID[root] != nil:
		return fmt.Sprintf("did you mean node.%s?", expr.Spell(t))
	case l.Pipeline.NodeByID[pipeline.IDOf(pipeline.KindGate, root)] != nil:
		return fmt.Sprintf("did you mean gate.%s?", expr.Spell(t))
	case l.Pipeline.NodeByID[pipeline.IDOf(pipeline.KindModule, root)] != nil:
		return fmt.Sprintf("did you mean module.%s?", expr.Spell(t))
	case l.Pipeline.VariableByName[root] != nil:
		return fmt.Sprintf("did you mean var.%s?", expr.Spell(t))
	case l.Pipeline.Locals[root] != nil:
		return fmt.Sprintf("did you mean local.%s?", expr.Spell(t))
	case len(t) == 1:
		return fmt.Sprintf("text stands in quotes: %q; references begin with var, local, node or each", root)
	}
	return "references begin with var, local, node, gate, module, each or run" + expr.DidYouMean(root, roots)
}

// named gives the name after the root, or nothing when it is not there.
func (l *checker) named(t hcl.Traversal, what string, names func() []string) []string {
	name, ok := syntax.AttributeName(t, 1)
	if !ok {
		l.Fail(t.SourceRange(), fmt.Sprintf("write %s.<name>; names cannot be computed", t.RootName()), "%s alone is no value", t.RootName())
		return nil
	}
	exists := false
	switch what {
	case "variable":
		exists = l.Pipeline.VariableByName[name] != nil
	case "local":
		exists = l.Pipeline.Locals[name] != nil
	case "secret":
		_, exists = l.Pipeline.Secret(name)
	default:
		exists = l.Pipeline.NodeByID[pipeline.IDOf(pipeline.Kind(what), name)] != nil
	}
	if !exists {
		known := names()
		detail := "the file declares no " + what + "s"
		if len(known) > 0 {
			detail = "the file declares " + diagnostic.ShortList(known) + expr.DidYouMean(name, known)
		}
		l.Fail(expr.NameRange(t[1]), detail, "no %s named %q", what, name)
		return nil
	}
	return []string{name}
}

func (l *checker) member(t hcl.Traversal, root string, known []string) {
	name, ok := syntax.AttributeName(t, 1)
	if ok && slices.Contains(known, name) {
		return
	}
	l.Fail(t.SourceRange(), fmt.Sprintf("there are %s.%s%s", root, strings.Join(known, " and "+root+"."), expr.DidYouMean(name, known)), "unknown name %s", expr.Spell(t))
}

// References finds what an expression refers to that stands in no file, all of a kind where only the kind is named. file is its
// name in diagnostics.
func References(p *pipeline.Pipeline, e hclsyntax.Expression, file string) (r pipeline.Refs, ds diagnostic.Diagnostics) {
	l := &checker{Decoder: &decode.Decoder{Reader: &syntax.Reader{Pipeline: p, File: file}}}
	at := place{what: "an expression", nodes: true}
	for _, t := range e.Variables() {
		if len(t) > 1 {
			l.reference(t, at, &r)
			continue
		}
		switch root := t.RootName(); {
		case root == "var":
			r.Vars = pipeline.Union(r.Vars, l.variableNames())
		case root == "local":
			r.Locals = pipeline.Union(r.Locals, slices.Sorted(maps.Keys(p.Locals)))
		case pipeline.IsKind(root):
			for _, name := range l.namesOf(pipeline.Kind(root))() {
				r.Direct = pipeline.Union(r.Direct, []string{pipeline.IDOf(pipeline.Kind(root), name)})
			}
		case root != "run":
			l.reference(t, at, &r)
		}
	}
	l.follow(&r)
	return r, l.Diags
}
