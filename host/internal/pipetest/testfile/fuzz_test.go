package testfile

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: no test file makes it panic.
func FuzzParse(f *testing.F) {
	archives, _ := filepath.Glob("../testdata/*.txtar")
	for _, path := range archives {
		if a, err := txtar.ParseFile(path); err == nil {
			for _, file := range a.Files {
				if file.Name == "x.test.hcl" {
					f.Add(file.Data)
				}
			}
		}
	}
	file := filepath.Join(f.TempDir(), "x.test.hcl")
	f.Fuzz(func(_ *testing.T, src []byte) { Parse(file, src) })
}
