package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/config/plugin"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/config/written"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// FileName is what a configuration is called.
const FileName = written.FileName

// maxFile is the size limit of a configuration in bytes.
const maxFile = 1 << 20

// Options say what a reader of a file knows beside it.
type Options struct {
	// Keys are the attributes that may stand at the top, twins of flags.
	Keys []Key
	// Getenv looks a variable up; nil: none is set.
	Getenv func(name string) (string, bool)
}

// Load reads a file. One that is not there gives the defaults, unless it was named. The error is of the disk.
func Load(file string, named bool, o Options) (*Config, diagnostic.Diagnostics, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return Default(), nil, nil
	}
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s is larger than %d KiB", file, maxFile>>10)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration: %w", err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration: %w", err)
	}
	c, found := Parse(file, src, o)
	return c, found, nil
}

// Parse reads the text of a file. With errors among the diagnostics the configuration lacks what they are about.
func Parse(file string, src []byte, o Options) (*Config, diagnostic.Diagnostics) {
	r := &reader{src: src, opts: o, first: map[string]hcl.Range{}, ctx: written.Scope(o.Getenv, written.NoSecret), c: &Config{File: file, Settings: map[string]Setting{}}}
	parsed, diags := expr.ParseConfig(src, file)
	r.HCL(diags)
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		body = &hclsyntax.Body{}
	}
	r.settings(body)
	for _, b := range body.Blocks {
		r.block(b)
	}
	r.tell()
	r.defaults()
	return r.c, r.Sorted()
}

// block reads one block at the top.
func (r *reader) block(b *hclsyntax.Block) {
	spec, ok := r.spec(b)
	if !ok {
		return
	}
	place := b.Type
	for _, l := range b.Labels {
		place += "." + l
	}
	if !r.once(b, spec, place) {
		return
	}
	if b.Type == "plugin" {
		r.c.Plugins = append(r.c.Plugins, plugin.Read(b, r.src, r.opts.Getenv, &r.Finder))
		return
	}
	if b.Type == "hours" {
		place = fmt.Sprintf("hours.%d", len(r.c.Hours)+1)
	}
	g := r.read(b, spec, place)
	map[string]func(given){
		"device": func(g given) { r.device(g, place) }, "reclaim": r.reclaim, "hours": r.hours,
		"quota": r.quota, "engine": r.engine, "placement": r.placement, "models": r.models, "model": r.model, "auth": r.auth, "tracing": r.tracing, "bill": r.bill, "search": r.search,
	}[b.Type](g)
}

// spec finds the description of a block and checks its labels.
func (r *reader) spec(b *hclsyntax.Block) (language.Block, bool) {
	names := blockNames()
	i := slices.IndexFunc(blocks, func(s language.Block) bool { return s.Name == b.Type })
	if i < 0 {
		detail := known(names)
		if r.isKey(b.Type) {
			detail = "it is no block: write " + b.Type + " = …"
		}
		r.Fail(b.TypeRange, detail, "unknown block %q%s", b.Type, expr.DidYouMean(b.Type, names))
		return language.Block{}, false
	}
	s := blocks[i]
	if len(b.Labels) != len(s.Labels) {
		r.Fail(b.DefRange(), "", "%s has %s", b.Type, labelled(s))
		return s, false
	}
	if b.Type != "device" {
		return s, true
	}
	kinds := []string{"fake", "static"}
	i = slices.IndexFunc(blocks, func(s language.Block) bool { return s.Name == "device" && s.Labels[0] == b.Labels[0] })
	if i < 0 {
		r.Fail(b.LabelRanges[0], "a real GPU is found without being written down; "+known(kinds), "unknown kind of device %q%s", b.Labels[0], expr.DidYouMean(b.Labels[0], kinds))
		return s, false
	}
	return blocks[i], true
}

func blockNames() (names []string) {
	for _, s := range blocks {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

func labelled(s language.Block) string {
	switch {
	case s.Name == "device":
		return "two labels: device \"fake\" \"a\" { }"
	case len(s.Labels) == 0:
		return "no label: " + s.Name + " { }"
	}
	return fmt.Sprintf("one label, its %s: %s \"x\" { }", s.Labels[0], s.Name)
}

// once refuses what stands twice.
func (r *reader) once(b *hclsyntax.Block, spec language.Block, place string) bool {
	if spec.Many && len(spec.Labels) == 0 {
		return true
	}
	if first, twice := r.first[place]; twice {
		r.Fail(b.DefRange(), fmt.Sprintf("the first is at %s", written.RangeOf(first)), "%s stands twice", heading(b))
		return false
	}
	r.first[place] = b.DefRange()
	return true
}

func heading(b *hclsyntax.Block) string {
	s := b.Type
	for _, l := range b.Labels {
		s += " " + datum.Quote(l)
	}
	return s
}

// defaults fills in the blocks that stand at most once and are not there.
func (r *reader) defaults() {
	for _, spec := range blocks {
		if _, written := r.first[spec.Name]; written || spec.Many || spec.Name == "tracing" {
			continue
		}
		g := given{block: &hclsyntax.Block{Type: spec.Name, Body: &hclsyntax.Body{}}, at: map[string]hcl.Range{}, v: map[string]any{}}
		if spec.Name == "reclaim" {
			g.v["policy"] = string(Off)
		}
		for _, w := range spec.Words {
			if w.Required { // there is nothing to tell of a block that is not there
				continue
			}
			if x, ok := value.Default(w); ok && g.v[w.Name] == nil {
				g.v[w.Name] = x
			}
			r.c.Entries = append(r.c.Entries, value.Entry{Key: spec.Name + "." + w.Name, Value: g.v[w.Name]})
		}
		map[string]func(given){"reclaim": r.reclaim, "placement": r.placement, "auth": r.auth, "bill": r.bill, "search": r.search}[spec.Name](g)
	}
}
