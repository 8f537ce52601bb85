package syntax

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// LoadFiles reads what file() and templatefile() name: their first argument must be known now.
// artifact() names what a trigger's run is given.
func (l *Reader) LoadFiles(e hclsyntax.Expression, of *pipeline.Trigger) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		switch {
		case ok && call.Name == "artifact" && of != nil:
			l.triggerFile(call, of)
		case ok && call.Name == "artifact":
			l.Fail(call.NameRange, "it stands in the inputs of a trigger block; elsewhere give files to a run as variables of type artifact", "no artifact() here")
		}
		if ok && call.Name == "asset" {
			l.assetCall(call)
		}
		if ok && (call.Name == "file" || call.Name == "templatefile") && len(call.Args) > 0 && !call.ExpandFinal {
			l.Subject = "the argument of " + call.Name
			l.Read(sdk.Schema{Type: "string"}, func(x any) { l.loadFile(call, x.(string)) })(call.Args[0])
		}
		return nil
	})
}

// triggerFile takes in what artifact() names: a file that is there now. Its bytes are read when a run is made.
func (l *Reader) triggerFile(call *hclsyntax.FunctionCallExpr, t *pipeline.Trigger) {
	if len(call.Args) != 1 || call.ExpandFinal {
		return // a wrong number of arguments is found when types are checked
	}
	l.Subject = "the argument of artifact"
	l.Read(sdk.Schema{Type: "string"}, func(x any) {
		name, err := library.Exists(l.FS, l.File, x.(string))
		if err != nil {
			l.Fail(call.Args[0].Range(), "", "%s", err)
			return
		}
		if !slices.Contains(t.Files, name) {
			t.Files = append(t.Files, name)
			slices.Sort(t.Files)
		}
	})(call.Args[0])
}

// loadFile takes in one file() or templatefile() target and checks a template's names.
func (l *Reader) loadFile(call *hclsyntax.FunctionCallExpr, arg string) {
	name, err := l.Pipeline.Files.Load(l.FS, path.Dir(l.File), arg)
	if err != nil {
		l.Fail(call.Args[0].Range(), "", "%s", err)
		l.Pipeline.Files.Fail(arg)
		return
	}
	if call.Name != "templatefile" {
		return
	}
	template, found := l.Pipeline.Files.Template(name, path.Join(path.Dir(l.File), name))
	l.HCL(found)
	if found.HasErrors() {
		l.Pipeline.Files.Fail(arg)
	}
	if found.HasErrors() || len(call.Args) < 2 {
		return
	}
	object, ok := call.Args[1].(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	var given []string
	for _, item := range object.Items {
		key, ok := expr.KeyName(item.KeyExpr)
		if !ok {
			return
		}
		given = append(given, key)
	}
	for _, t := range template.Variables() {
		if root := t.RootName(); !slices.Contains(given, root) {
			l.Fail(t.SourceRange(), fmt.Sprintf("%s:%d gives it %s%s", l.File, call.NameRange.Start.Line, strings.Join(given, ", "), expr.DidYouMean(root, given)), "the template has no %q", root)
			l.Pipeline.Files.Fail(arg)
		}
	}
}
