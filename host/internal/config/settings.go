package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

// Key is an attribute at the top of the file: the twin of a flag.
type Key struct {
	// Name is the flag's, with underscores.
	Name string
	// Type is the flag's: string, int, bool, duration, stringArray. Any other is written as text.
	Type string
	// Pairs: each value of a stringArray is name=value, and may be written as an object.
	Pairs bool
	// Path: the values, or those of pairs, are paths. They are relative to the folder of the file, and ~/ is the home.
	Path bool
	// Check says what is wrong with a value; nil: nothing is.
	Check func(value string) error
	// Doc and Default are the flag's.
	Doc, Default string
}

func (r *reader) isKey(name string) bool {
	return slices.ContainsFunc(r.opts.Keys, func(k Key) bool { return k.Name == name })
}

// settings reads the attributes at the top.
func (r *reader) settings(body *hclsyntax.Body) {
	names := make([]string, len(r.opts.Keys))
	for i, k := range r.opts.Keys {
		names[i] = k.Name
	}
	near := slices.Concat(names, blockNames())
	for _, a := range body.Attributes {
		i := slices.Index(names, a.Name)
		switch {
		case i >= 0:
			r.setting(r.opts.Keys[i], a)
		case slices.ContainsFunc(blocks, blockNamed(a.Name)):
			r.Fail(a.NameRange, "write "+a.Name+" { … }", "%s is a block", a.Name)
		default:
			r.Fail(a.NameRange, "the keys are the flags of spinbot and of spinbot serve, with _ for -; "+known(names), "unknown key %q%s", a.Name, expr.DidYouMean(a.Name, near))
		}
	}
}

func (r *reader) setting(k Key, a *hclsyntax.Attribute) {
	x, ok := r.Plain(a.Expr, r.ctx)
	if !ok {
		return
	}
	values, want := k.values(x)
	if want != "" {
		r.Fail(a.Expr.Range(), "", "%s: %s", k.Name, want)
		return
	}
	for i, v := range values {
		if k.Path {
			v = r.path(v, k.Pairs)
			values[i] = v
		}
		if k.Check == nil {
			continue
		}
		if err := k.Check(v); err != nil {
			r.Fail(element(a.Expr, i), "", "%s: %v", k.Name, err)
		}
	}
	r.c.Settings[k.Name] = Setting{Values: values, Range: written.RangeOf(a.Range())}
}

// element is where a list's element stands, or the whole expression when that is none.
func element(e hclsyntax.Expression, i int) hcl.Range {
	if list, ok := e.(*hclsyntax.TupleConsExpr); ok && i < len(list.Exprs) {
		return list.Exprs[i].Range()
	}
	return e.Range()
}

// values makes of a value what the flag is given, or says what is wanted.
func (k Key) values(x any) (values []string, want string) {
	s, isText := x.(string)
	switch k.Type {
	case "stringArray", "stringSlice":
		return k.list(x)
	case "bool":
		if b, ok := x.(bool); ok {
			return []string{strconv.FormatBool(b)}, ""
		}
		return nil, "want true or false, got " + value.KindOf(x)
	case "int", "int64", "uint", "uint64":
		if n, ok := x.(json.Number); ok {
			if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
				return []string{string(n)}, ""
			}
		}
		return nil, "want a whole number, got " + value.KindOf(x)
	}
	if !isText {
		kind := "text"
		if k.Type == "duration" {
			kind = "duration such as \"30s\""
		}
		return nil, "want a " + kind + ", got " + value.KindOf(x)
	}
	if k.Type == "duration" {
		d, err := sdk.ParseDuration(s)
		if err != nil {
			return nil, err.Error()
		}
		s = d.String()
	}
	return []string{s}, ""
}

// list takes a list of texts and, for pairs, an object.
func (k Key) list(x any) (values []string, want string) {
	wanted := "want a list of texts"
	if k.Pairs {
		wanted += ", or an object { name = value }"
	}
	m, isObject := x.(map[string]any)
	if isObject && k.Pairs {
		for name, y := range m {
			switch y.(type) {
			case string, json.Number:
				values = append(values, fmt.Sprintf("%s=%v", name, y))
			default:
				return nil, fmt.Sprintf("%s; %s is %s", wanted, name, value.KindOf(y))
			}
		}
		slices.Sort(values)
		return values, ""
	}
	list, isList := x.([]any)
	if !isList {
		return nil, wanted + ", got " + value.KindOf(x)
	}
	for _, y := range list {
		s, ok := y.(string)
		if !ok {
			return nil, wanted + "; one of its elements is " + value.KindOf(y)
		}
		values = append(values, s)
	}
	return values, ""
}

// path makes a path of the file one of the process.
func (r *reader) path(v string, pair bool) string {
	name := ""
	if pair {
		before, after, ok := strings.Cut(v, "=")
		if !ok {
			return v
		}
		name, v = before+"=", after
	}
	if rest, ok := strings.CutPrefix(v, "~/"); ok && r.opts.Getenv != nil {
		if home, _ := r.opts.Getenv("HOME"); home != "" {
			v = filepath.Join(home, rest)
		}
	}
	if v != "" && !filepath.IsAbs(v) {
		v = filepath.Join(filepath.Dir(r.c.File), v)
	}
	return name + v
}
