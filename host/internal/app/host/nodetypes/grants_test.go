package nodetypes

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
)

// TestUngranted: a pipeline is warned of what its nodes ask for and have not, once for each node type, modules included;
// and of what a module imports and nobody declares.
func TestUngranted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trust := filepath.Join(dir, "state", catalog.TrustFile)
	object := sdk.Schema{Type: "object"}
	c := catalog.New(catalog.Config{ControlDirs: []string{dir}, TrustFile: trust,
		Describe: func(_ context.Context, e catalog.Entry) (catalog.Description, error) {
			d := catalog.Description{Imports: []string{"http"}}
			nodeType := sdk.NodeType{Name: e.Name + ".go", Description: "Goes", Inputs: object, Outputs: object}
			if e.Name == "open" {
				nodeType.Grants = []string{"http", "kv", "random"}
			}
			d.Manifest = sdk.Manifest{Name: e.Name, Version: "1.0.0", Description: "d", NodeTypes: []sdk.NodeType{nodeType}}
			return d, nil
		}})
	for _, name := range []string{"open", "sly"} {
		if err := os.WriteFile(filepath.Join(dir, name+".wasm"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Accept(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	warnings := func() []string {
		t.Helper()
		v, err := c.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{
			"p.hcl": {Data: []byte("pipeline \"p\" {}\nmodule \"m\" {\n  source = \"./m.hcl\"\n}\nnode \"open.go\" \"again\" {}\nnode \"sly.go\" \"b\" {}\n")},
			"m.hcl": {Data: []byte("pipeline \"m\" {}\nnode \"open.go\" \"a\" {}\n")},
		}
		p, found := load.Load(files, "p.hcl", v)
		if p == nil || found.HasErrors() {
			t.Fatal(found)
		}
		var out []string
		for _, d := range Ungranted(p, v) {
			if d.Severity != diagnostic.Warning {
				t.Errorf("%v is no warning", d)
			}
			out = append(out, d.String()+" | "+d.Detail)
		}
		return out
	}
	expect := func(texts ...string) {
		t.Helper()
		got := warnings()
		if len(got) != len(texts) {
			t.Errorf("%d warnings, want %d: %q", len(got), len(texts), got)
			return
		}
		for i, text := range texts {
			for _, part := range strings.Split(text, "…") {
				if !strings.Contains(got[i], part) {
					t.Errorf("%q does not say %q", got[i], part)
				}
			}
		}
	}
	const sly = "p.hcl:6…the module sly imports http, which none of its node types declares"
	expect("m.hcl:2…open.go asks for http…spinbot plugins grant open.go http --host HOST", "m.hcl:2…open.go asks for kv…spinbot plugins grant open.go kv", sly)
	if _, err := catalog.ChangeGrants(trust, "open.go", func(s *grant.Set) { s.KV, s.HTTP = &grant.Store{}, &grant.Web{Hosts: []string{"a.example"}} }); err != nil {
		t.Fatal(err)
	}
	expect(sly)
}
