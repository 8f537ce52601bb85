package pipeline_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

const languageDoc = "../../../../docs/language.md"

// TestReference keeps the reference in docs/language.md telling what the checker takes.
func TestReference(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(languageDoc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- reference: begin (printed by host/internal/core/pipeline) -->\n", "<!-- reference: end -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the markers are gone")
	}
	var b strings.Builder
	for _, block := range language.Blocks() {
		writeBlock(&b, block, block.Name)
	}
	b.WriteString("\n### Functions\n\n| call | gives | |\n|---|---|---|\n")
	for _, f := range library.Documented() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", pipe(f.Example), pipe(f.Result), f.Doc)
	}
	want := before + begin + b.String() + end + after
	if want == string(raw) {
		return
	}
	if *update {
		if err := os.WriteFile(languageDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("docs/language.md does not tell what the language is; go test ./internal/core/pipeline -update writes it")
}

func pipe(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func writeBlock(b *strings.Builder, block language.Block, path string) {
	name := path
	for _, label := range block.Labels {
		name += fmt.Sprintf(" %q", label)
	}
	fmt.Fprintf(b, "\n### %s\n\n%s.", name, block.Doc)
	if block.Inputs {
		b.WriteString(" Its other attributes are inputs.")
	}
	b.WriteString("\n")
	if len(block.Words) > 0 {
		b.WriteString("\n| attribute | type | default | |\n|---|---|---|---|\n")
	}
	for _, w := range block.Words {
		kind, fallback := w.Type, w.Default
		if len(w.Options) > 0 {
			kind = `"` + strings.Join(w.Options, `" or "`) + `"`
		}
		if w.Required {
			fallback = "required"
		} else if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", w.Name, kind, fallback, pipe(w.Doc))
	}
	for _, inner := range block.Blocks {
		writeBlock(b, inner, path+" / "+inner.Name)
	}
}

// TestDocumentedPipelines checks every pipeline in the documentation of the language, but for the types of its nodes,
// which are those of plugins.
func TestDocumentedPipelines(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(languageDoc)
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(raw, -1)
	if len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	for _, example := range examples {
		fsys := fstest.MapFS{"x.hcl": {Data: example[1]}}
		_, ds := load.Load(fsys, "x.hcl", struct{ pipeline.Types }{types(t)}) // without a library
		for _, d := range ds {
			if !strings.HasPrefix(d.Summary, "unknown node type") {
				t.Error(d)
			}
		}
		if formatted, _ := syntax.Format("x.hcl", example[1]); string(formatted) != string(example[1]) {
			t.Errorf("not canonical:\n%s", formatted)
		}
	}
}
