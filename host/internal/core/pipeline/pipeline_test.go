package pipeline_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// types are the node types of all tests, in the JSON in which plugins give theirs.
func types(tb testing.TB) pipeline.Bundle {
	tb.Helper()
	data, err := os.ReadFile("testdata/types.json")
	if err != nil {
		tb.Fatal(err)
	}
	var b pipeline.Bundle
	if err := json.Unmarshal(data, &b.Types); err != nil {
		tb.Fatal(err)
	}
	return b
}

// loaded loads the first file of a set and fails the test on any error.
func loaded(tb testing.TB, src string, more ...string) *pipeline.Pipeline {
	tb.Helper()
	fsys := fstest.MapFS{"film.hcl": {Data: []byte(src)}}
	for i := 0; i+1 < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	p, ds := load.Load(fsys, "film.hcl", types(tb))
	if ds.HasErrors() {
		tb.Fatalf("%s\n%s", shown(ds, fsys), src)
	}
	return p
}

func shown(ds diagnostic.Diagnostics, fsys fstest.MapFS) string {
	var b strings.Builder
	ds.Write(&b, func(file string) []byte {
		if f := fsys[file]; f != nil {
			return f.Data
		}
		return nil
	}, false)
	return b.String()
}

// TestArchives loads the first file of each archive. The file "diagnostics" holds what is found, "canonical" the
// formatted form, "graph" the drawing; whichever of them an archive has is compared.
func TestArchives(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			testArchive(t, name, archive)
		})
	}
}

func testArchive(t *testing.T, name string, archive *txtar.Archive) {
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	first := archive.Files[0].Name
	p, ds := load.Load(fsys, first, types(t))
	got := map[string]string{
		"diagnostics": shown(ds, fsys),
		"canonical":   canonical(archive.Files[0].Data),
	}
	if p != nil {
		got["graph"] = p.Graph().Text()
	}
	changed := false
	for i, f := range archive.Files {
		text, compared := got[f.Name]
		if !compared || text == string(f.Data) {
			continue
		}
		if changed = true; *update {
			archive.Files[i].Data = []byte(text)
		} else {
			t.Errorf("%s: got\n%s\nwant\n%s", f.Name, text, f.Data)
		}
	}
	if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "diagnostics" }) && len(ds) > 0 {
		t.Errorf("unexpected diagnostics:\n%s", shown(ds, fsys))
	}
	if changed && *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if again := canonical([]byte(got["canonical"])); again != got["canonical"] {
		t.Errorf("formatting twice gives\n%s", again)
	}
}

func canonical(src []byte) string {
	out, _ := syntax.Format("", src)
	return string(out)
}
