package load

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

// resolveTrigger finds what a trigger refers to.
func (l *checker) resolveTrigger(t *pipeline.Trigger) {
	if t.SecretExpr != nil {
		l.triggerSecret(t)
	}
	r := l.refs(t.Inputs, place{what: "a trigger's inputs", trigger: t})
	t.Locals = r.Locals
}

func (l *checker) triggerSecret(t *pipeline.Trigger) {
	path, found := hcl.AbsTraversalForExpr(t.SecretExpr)
	name, ok := "", false
	if !found.HasErrors() && len(path) == 2 && path.RootName() == "secret" {
		name, ok = syntax.AttributeName(path, 1)
	}
	if !ok {
		l.Fail(t.SecretExpr.Range(), "write secret = secret.<name>, without quotes; a secret's value never stands in a file", "secret wants a secret")
		return
	}
	known := make([]string, len(l.Pipeline.Secrets))
	for i, s := range l.Pipeline.Secrets {
		known[i] = s.Name
	}
	if !slices.Contains(known, name) {
		detail := fmt.Sprintf("add a block: secret %q {}", name)
		if len(known) > 0 {
			detail = "the file declares " + diagnostic.ShortList(known) + expr.DidYouMean(name, known)
		}
		l.Fail(expr.NameRange(path[1]), detail, "no secret named %q", name)
		return
	}
	t.Secret = name
}

// inTrigger says whether the root of a reference may stand in a trigger's inputs.
func (l *checker) inTrigger(t hcl.Traversal, at place) bool {
	switch t.RootName() {
	case "trigger", "local":
		return true
	case "var":
		l.Fail(t.SourceRange(), "they are what gives the variables their values", "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	case "secret":
		l.Fail(t.SourceRange(), "they become part of the run, for everybody to read", "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	case "node", "gate", "module", "run":
		l.Fail(t.SourceRange(), "there is no run yet; refer to trigger."+strings.Join(at.trigger.Kind.Parts(), ", trigger."), "a trigger's inputs cannot refer to %s", expr.Spell(t))
		return false
	}
	return true
}
