package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// reader reads one file.
type reader struct {
	written.Finder
	src  []byte
	opts Options
	ctx  *hcl.EvalContext
	c    *Config
	// first is where each block stands that may stand once, by type and labels.
	first map[string]hcl.Range
	told  []told
}

// given are the values of one block, by word; a word that was wrong or left out without a default is not there.
type given struct {
	block *hclsyntax.Block
	at    map[string]hcl.Range // of values, and of the block for defaults
	v     map[string]any
}

func get[T any](g given, word string) T {
	x, _ := g.v[word].(T)
	return x
}

// where is the place of a word's value, or the block's beginning.
func (g given) where(word string) hcl.Range {
	if rng, ok := g.at[word]; ok {
		return rng
	}
	return g.block.DefRange()
}

// has says whether a word was written, and is right.
func (g given) has(word string) bool { return g.written(word) && g.v[word] != nil }

func (g given) written(word string) bool { _, ok := g.at[word]; return ok }

// read reads a block as its description says.
func (r *reader) read(b *hclsyntax.Block, spec language.Block, path string) given {
	g := given{block: b, at: map[string]hcl.Range{}, v: map[string]any{}}
	names := make([]string, len(spec.Words))
	for i, w := range spec.Words {
		names[i] = w.Name
	}
	inner := make([]string, len(spec.Blocks))
	for i, s := range spec.Blocks {
		inner[i] = s.Name
	}
	for _, a := range b.Body.Attributes {
		if !slices.Contains(names, a.Name) {
			detail := known(names)
			if len(names) == 0 {
				detail = known(inner)
			}
			r.Fail(a.NameRange, detail, "unknown attribute %q in %s%s", a.Name, spec.Name, expr.DidYouMean(a.Name, names))
		}
	}
	for _, x := range b.Body.Blocks {
		if !slices.Contains(inner, x.Type) {
			r.Fail(x.DefRange(), known(append(names, inner...)), "unknown block %q in %s%s", x.Type, spec.Name, expr.DidYouMean(x.Type, inner))
		}
	}
	for _, w := range spec.Words {
		r.word(&g, w, path)
	}
	return g
}

func known(names []string) string { return "known: " + strings.Join(names, ", ") }

func (r *reader) word(g *given, w language.Word, path string) {
	a, there := g.block.Body.Attributes[w.Name]
	if !there {
		if w.Required {
			r.Fail(g.block.DefRange(), w.Doc, "%s has no %s", g.block.Type, w.Name)
		} else if x, ok := value.Default(w); ok {
			g.v[w.Name] = x
			r.c.Entries = append(r.c.Entries, value.Entry{Key: path + "." + w.Name, Value: x})
		}
		return
	}
	g.at[w.Name] = a.Expr.Range()
	if w.Type == value.Headers {
		g.v[w.Name] = r.headers(a)
		r.c.Entries = append(r.c.Entries, value.Entry{Key: path + "." + w.Name, Value: value.Hidden{}, Range: written.RangeOf(a.Range())})
		return
	}
	x, ok := r.Plain(a.Expr, r.ctx)
	if !ok {
		return
	}
	v, want := value.Convert(w, x)
	if want != "" {
		r.Fail(a.Expr.Range(), "", "%s: %s", w.Name, want)
		return
	}
	g.v[w.Name] = v
	r.c.Entries = append(r.c.Entries, value.Entry{Key: path + "." + w.Name, Value: v, Range: written.RangeOf(a.Range())})
}
