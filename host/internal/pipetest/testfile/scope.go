package testfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/sdk"
)

// number is a bound of a schema.
func number(text string) *json.Number {
	n := json.Number(text)
	return &n
}

// Scope evaluates the expressions of a test file. Artifacts that went in, or that artifact() made, come out again.
type Scope struct {
	Functions map[string]function.Function
	Names     map[string]cty.Value
	Artifacts datum.Artifacts
}

// Taker takes a file in as an artifact.
type Taker func(path string) (sdk.Artifact, error)

// NewScope makes a scope whose artifact() reads from the suite's folder. Without take it only says whether the file is
// there: its value is then not known yet.
func (s *Suite) NewScope(take Taker) *Scope {
	c := &Scope{Functions: library.Table(s.files), Names: map[string]cty.Value{}, Artifacts: datum.Artifacts{}}
	c.Functions["artifact"] = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(datum.ArtifactType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := filepath.Join(filepath.Dir(s.File), filepath.FromSlash(args[0].AsString()))
			if err := regular(path); err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			if take == nil {
				return cty.UnknownVal(datum.ArtifactType), nil
			}
			a, err := take(path)
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return c.Artifacts.In(nil, a)
		},
	})
	return c
}

// regular says why a path names no file.
func regular(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s; paths are relative to the test file", path)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	return nil
}

// Value evaluates an expression to a value of a run.
func (c *Scope) Value(e hclsyntax.Expression) (any, hcl.Diagnostics) {
	v, found := expr.Eval(e, &hcl.EvalContext{Variables: c.Names, Functions: c.Functions})
	if found.HasErrors() {
		return nil, found
	}
	x, err := c.Artifacts.Out(v)
	if err != nil {
		rng := e.Range()
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "the value " + err.Error(), Subject: &rng}}
	}
	return x, nil
}

// infer gives what is known of an expression, and reports names that are not there.
func (c *Scope) infer(f *finder, e hclsyntax.Expression, what string) cty.Value {
	if e == nil {
		return cty.DynamicVal
	}
	known := make([]string, 0, len(c.Names))
	for name := range c.Names {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, t := range e.Variables() {
		root := t.RootName()
		if _, ok := c.Names[root]; ok {
			continue
		}
		detail := what + " refers to nothing but functions"
		if len(known) > 0 {
			detail = what + " may refer to " + strings.Join(known, ", ") + expr.DidYouMean(root, known)
		}
		f.fail(t.SourceRange(), detail, "unknown name %q", root)
		return cty.DynamicVal
	}
	v, found := expr.Infer(e, &hcl.EvalContext{Variables: c.Names, Functions: c.Functions})
	if f.hcl(found); found.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// TaskNames lets a mock's expressions see the task that it answers.
func (c *Scope) TaskNames(t *sdk.Task, schema *sdk.Schema) error {
	inputs, err := c.Artifacts.In(schema, map[string]any(t.Inputs))
	if err != nil {
		return err
	}
	c.Names["inputs"], c.Names["attempt"] = inputs, cty.NumberIntVal(int64(t.Address.Attempt))
	c.Names["round"] = cty.NumberIntVal(int64(max(1, t.Address.Node.Iter)))
	c.Each(t.Address.Node.Key)
	return nil
}

// Each sets each.key; null without for_each.
func (c *Scope) Each(k sdk.Key) {
	key := cty.NullVal(cty.DynamicPseudoType)
	if i, ok := k.Number(); ok {
		key = cty.NumberIntVal(int64(i))
	} else if !k.IsZero() {
		key = cty.StringVal(k.Text())
	}
	c.Names["each"] = cty.ObjectVal(map[string]cty.Value{"key": key})
}

// taskTypes is TaskNames before there is a task.
func (c *Scope) taskTypes(t sdk.NodeType) {
	c.Names["inputs"], c.Names["attempt"] = cty.UnknownVal(datum.Type(&t.Inputs)), cty.UnknownVal(cty.Number)
	c.Names["round"] = cty.UnknownVal(cty.Number)
	c.Names["each"] = cty.ObjectVal(map[string]cty.Value{"key": cty.DynamicVal})
}
