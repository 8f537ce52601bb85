package pipeline_test

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/sdk"
)

func seed(f *testing.F) {
	f.Helper()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Add([]byte("pipeline \"x\" {}\nlocals {\n  a = <<-E\n    b\n  E\n}\n"))
	f.Add([]byte("a = [\r\n\r\n1,\r\n]\r\n"))
	f.Add([]byte("x {\n y = \"${[for a in b : {\n\n c = 1 }]}\" }"))
}

// FuzzLoad: whatever the bytes, Load and all that may be asked of what it gives do not panic, and every diagnostic
// points into the file.
func FuzzLoad(f *testing.F) {
	seed(f)
	known := types(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			return
		}
		p, ds := load.Load(memory(string(src)), "film.hcl", known)
		ds.Write(io.Discard, func(string) []byte { return src }, true)
		for _, d := range ds {
			if d.Range.File == "film.hcl" && (d.Range.Start.Byte < 0 || d.Range.End.Byte > len(src) || d.Summary == "") {
				t.Fatalf("%+v", d)
			}
		}
		if p == nil {
			if !ds.HasErrors() {
				t.Fatal("neither a pipeline nor an error")
			}
			return
		}
		_, _, _ = p.Graph().Text(), p.Graph().Mermaid(), p.Bundle().Digest()
		if ds.HasErrors() {
			return
		}
		for _, t := range p.Triggers {
			_, _ = eval.TriggerInputs(p, t.Name, eval.TriggerEvent{Body: map[string]any{"topic": "x"}})
		}
		vars, _ := eval.Inputs(p, sdk.Values{})
		s := eval.NewScope(p, vars)
		for _, n := range p.Nodes {
			e, ds := s.Expand(n.Name)
			if ds.HasErrors() {
				e = eval.Expansion{Skip: true}
			}
			for _, k := range e.Keys {
				_, _ = s.Inputs(n.ID, k, eval.Turn{})
			}
			if err := s.SetNode(n.Name, e, make([]sdk.Values, len(e.Keys))); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = s.Outputs()
	})
}

// FuzzFormat: formatting twice changes nothing, and a file that can be read still can.
func FuzzFormat(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			return
		}
		once, _ := syntax.Format("", src)
		if twice, _ := syntax.Format("", once); !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, then %q", src, once, twice)
		}
	})
}
