package host

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestCheckEdited: an unsaved text is checked in the folder of the pipeline whose file it is to be, and sees nothing else.
func TestCheckEdited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, func(cfg *Config) { cfg.PipelineDirs = []string{dir} })
	t.Cleanup(func() { stop(t, h) })
	c := h.Client()
	write := func(name, text string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("film.hcl", "pipeline \"film\" {}\n")
	write("part/part.hcl", "pipeline \"part\" {}\noutput \"six\" { value = 6 }\n")
	write("part/hello.txt", "Hello")
	const text = `pipeline "film" {}
module "part" { source = "./part/part.hcl" }
output "six" { value = module.part.six }
output "hello" { value = file("part/hello.txt") }
`
	for _, name := range []string{"film", "another"} { // the second is new
		got, err := c.Check(t.Context(), client.Source{Saved: name, Text: text}, "")
		if err != nil || !got.Valid || len(got.Declared) != 1 || got.Declared[0].ID != "module.part" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if got, err := c.Check(t.Context(), client.Source{Saved: "film", Text: "pipeline \"film\" {}\noutput \"x\" { value = file(\"../x\") }\n"}, ""); err != nil || got.Valid || got.Diagnostics[0].Range.File != "film.hcl" {
		t.Errorf("what is outside: %+v %v", got, err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "film.hcl")); err != nil || string(raw) != "pipeline \"film\" {}\n" {
		t.Errorf("it was written: %s %v", raw, err)
	}
}
