package pipeline_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// shells hold a block of a kind where it may stand: %s is its inside.
var shells = map[string]string{
	"":                     "%s",
	"pipeline":             "pipeline \"x\" {\n%s\n}",
	"requires":             "requires {\n%s\n}",
	"requires plugin":      "requires {\nplugin \"ollama\" {\n%s\n}\n}",
	"variable":             "variable \"x\" {\n%s\n}",
	"variable validation":  "variable \"x\" {\nvalidation {\n%s\n}\n}",
	"secret":               "secret \"x\" {\n%s\n}",
	"locals":               "locals {\n%s\n}",
	"node":                 "node \"ollama.chat\" \"x\" {\n%s\n}",
	"gate":                 "gate \"x\" {\n%s\n}",
	"gate form":            "gate \"x\" {\nform \"f\" {\n%s\n}\n}",
	"gate form validation": "gate \"x\" {\nform \"f\" {\nvalidation {\n%s\n}\n}\n}",
	"module":               "module \"x\" {\n%s\n}",
	"output":               "output \"x\" {\n%s\n}",
	"trigger":              "trigger \"cron\" \"x\" {\n%s\n}",
}

var knownHere = regexp.MustCompile(`(?m)(?:known here|words that may stand here): (.*)$`)

// known asks the checker what may stand at a place by writing what may not.
func known(t *testing.T, where, inside string) []string {
	t.Helper()
	shell, ok := shells[where]
	if !ok { // a block within a node
		outer, inner, _ := strings.Cut(where, " ")
		shell = strings.Replace(shells[outer], "%s", inner+" {\n%s\n}", 1)
	}
	_, ds := load.Load(memory(fmt.Sprintf(shell, inside)), "film.hcl", types(t))
	for _, d := range ds {
		if m := knownHere.FindStringSubmatch(d.Detail); m != nil && (strings.Contains(d.Summary, "zz") || strings.Contains(d.Summary, "takes no")) {
			return strings.Split(strings.Split(m[1], ";")[0], ", ")
		}
	}
	return nil
}

// TestLanguageIsDescribed: every word and block that the checker takes is documented, and nothing else is.
func TestLanguageIsDescribed(t *testing.T) {
	t.Parallel()
	eachBlock(language.Blocks(), "", func(where string, b language.Block) {
		if b.Doc == "" || strings.HasSuffix(b.Doc, ".") {
			t.Errorf("%s: a block is documented, without a trailing stop", where)
		}
		if strings.Contains(where, "trigger") {
			return
		}
		var words, options []string
		for _, w := range b.Words {
			words = append(words, w.Name)
			if w.Doc == "" || w.Type == "" || strings.HasSuffix(w.Doc, ".") {
				t.Errorf("%s.%s: a word has a type and a documentation, without a trailing stop", where, w.Name)
			}
			options = append(options, w.Options...)
		}
		inside := "zzq = 1"
		if b.Inputs && where != "node input" && where != "module input" { // an unknown attribute is an unknown input there
			for _, reserved := range sdk.ReservedInputs() {
				if !slices.Contains(words, reserved) {
					inside = reserved + " = 1"
				}
			}
		}
		if !b.Names && b.Name != "input" {
			same(t, where+": words", words, known(t, where, inside))
		}
		if slices.Contains(options, "") {
			t.Errorf("%s: an option is empty", where)
		}
		same(t, where+": blocks", names(b.Blocks), known(t, where, "zzq {}"))
	})
	same(t, "at the top: blocks", names(language.Blocks()), known(t, "", "zzq {}"))
}

func names(blocks []language.Block) (out []string) {
	for _, b := range blocks {
		out = append(out, b.Name)
	}
	return out
}

func same(t *testing.T, what string, documented, taken []string) {
	t.Helper()
	slices.Sort(documented)
	slices.Sort(taken)
	if !slices.Equal(documented, taken) {
		t.Errorf("%s: described.go documents %v, the checker takes %v", what, documented, taken)
	}
}

func eachBlock(blocks []language.Block, outer string, fn func(where string, b language.Block)) {
	for _, b := range blocks {
		where := strings.TrimSpace(outer + " " + b.Name)
		fn(where, b)
		eachBlock(b.Blocks, where, fn)
	}
}

// TestOptionsAreTaken: each documented option is a value that the checker takes.
func TestOptionsAreTaken(t *testing.T) {
	t.Parallel()
	eachBlock(language.Blocks(), "", func(where string, b language.Block) {
		for _, w := range b.Words {
			for _, option := range append(w.Options, "zzq") {
				if len(w.Options) == 0 || where == "trigger" {
					continue
				}
				outer, inner, _ := strings.Cut(where, " ")
				src := fmt.Sprintf(shells[outer], fmt.Sprintf("%s = %q", w.Name, option))
				if inner != "" {
					src = fmt.Sprintf(shells[outer], fmt.Sprintf("%s {\n%s = %q\n}", inner, w.Name, option))
				}
				_, ds := load.Load(memory(src), "film.hcl", types(t))
				refused := slices.ContainsFunc(ds, func(d diagnostic.Diagnostic) bool { return strings.Contains(d.Summary, "want one of") })
				if refused != (option == "zzq") {
					t.Errorf("%s.%s = %q: refused is %v", where, w.Name, option, refused)
				}
			}
		}
	})
}

func TestRootsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, w := range language.Roots() {
		if w.Doc == "" || w.Type == "" {
			t.Errorf("%s is not documented", w.Name)
		}
	}
	if b, ok := language.Find("gate", "form"); !ok || b.Name != "form" {
		t.Error("gate form is not found")
	}
	if _, ok := language.Find("gate", "retry"); ok {
		t.Error("a gate has no retry")
	}
}

func TestModuleFile(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"film.hcl", "./a.hcl", "a.hcl"}, {"x/film.hcl", "./a", "x/a/pipeline.hcl"}, {"x/film.hcl", "../b.hcl", "b.hcl"},
	} {
		if got := pipeline.ModuleFile(c[0], c[1]); got != c[2] {
			t.Errorf("%s in %s is %s, not %s", c[1], c[0], got, c[2])
		}
	}
}

func TestTriggerGives(t *testing.T) {
	t.Parallel()
	for _, kind := range []pipeline.TriggerKind{pipeline.Cron, pipeline.Webhook} {
		s := pipeline.TriggerGives(kind)
		if len(s.Properties) < 2 {
			t.Errorf("%s gives only %v", kind, s.Properties.Names())
		}
		for _, p := range s.Properties {
			if p.Schema.Description == "" {
				t.Errorf("trigger.%s of %s is not documented", p.Name, kind)
			}
		}
	}
}
