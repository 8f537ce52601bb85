package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// TestPipelines tests every pipeline that ships: with the plugins, whose node types then count, and without, as on a
// machine that has none.
func TestPipelines(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "spinbot")
	if err := copyFile(filepath.Join(built, "bin", "spinbot"), bare); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"with plugins": filepath.Join(built, "bin", "spinbot"), "without": bare} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), program, "test", "../../../pipelines", "../../../sdk/examples")
			c.Env = append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+knowingState(t), "SPINBOT_PLUGIN_DIR=")
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// block is a block of HCL in a page.
var block = regexp.MustCompile("(?s)```hcl\n(.*?)```\n")

// shownIn gives the blocks of HCL of a page.
func shownIn(t *testing.T, page string, want int) (out [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllSubmatch(raw, -1) {
		out = append(out, m[1])
	}
	if len(out) != want {
		t.Fatalf("%s shows %d blocks of HCL, want %d", page, len(out), want)
	}
	return out
}

// TestPostcards: the pipeline of README.md, with the triggers of docs/triggers.md, passes the test that docs/testing.md shows.
func TestPostcards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipeline, testing, triggers := shownIn(t, "README.md", 1)[0], shownIn(t, "docs/testing.md", 2), shownIn(t, "docs/triggers.md", 1)[0]
	if !bytes.Equal(pipeline, testing[0]) {
		t.Error("README.md and docs/testing.md show another postcards.hcl")
	}
	for name, text := range map[string][]byte{"postcards.hcl": slices.Concat(pipeline, []byte("\n"), triggers), "postcards.test.hcl": testing[1]} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFile("../../../pipelines/explainer/testdata/speech.wav", filepath.Join(dir, "hello.wav")); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), filepath.Join(built, "bin", "spinbot"), "test")
	c.Dir, c.Env = dir, append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+knowingState(t), "SPINBOT_PLUGIN_DIR=")
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("2 passed")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLanguageDoc: every pipeline in the documentation of the language is one that this binary takes.
func TestLanguageDoc(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range block.FindAllSubmatch(doc, -1) {
		file := filepath.Join(t.TempDir(), "x.hcl")
		if err := os.WriteFile(file, shown[1], 0o644); err != nil {
			t.Fatal(err)
		}
		env := append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+knowingState(t), "SPINBOT_PLUGIN_DIR=")
		run := func(args ...string) ([]byte, error) {
			c := exec.CommandContext(t.Context(), filepath.Join(built, "bin", "spinbot"), args...)
			c.Env = env
			return c.CombinedOutput()
		}
		if bytes.Contains(shown[1], []byte(`asset("`)) { // it takes them from a library that has them
			for i, name := range []string{"voice/anna", "face/anna", "face/anna"} {
				given := "../../../pipelines/explainer/" + []string{"testdata/speech.wav", "picture.jpg", "testdata/card.png"}[i]
				if out, err := run("assets", "add", name, given, "--consent-by", "Anna", "--consent-for", "tests", "--licence", "by agreement", "--commercial", "yes"); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
		}
		if out, err := run("validate", file); err != nil || bytes.Contains(out, []byte("warning")) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestPipelinesHaveTests: none that ships is without.
func TestPipelinesHaveTests(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("../../../pipelines", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".hcl") || strings.HasSuffix(path, testfile.Extension) || strings.HasSuffix(path, ".lock.hcl") {
			return err
		}
		found++
		test := strings.TrimSuffix(path, ".hcl") + testfile.Extension
		if _, err := os.Stat(test); err != nil {
			t.Errorf("%s has no test: write %s", path, test)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d pipelines, %v", found, err)
	}
}
