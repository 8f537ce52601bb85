package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
			c.Env = append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+t.TempDir(), "SPINBOT_PLUGIN_DIR=")
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// block is a block of HCL in the README.
var block = regexp.MustCompile("(?s)```hcl\n(.*?)```\n")

// TestReadme: the pipeline that the README shows passes the test that it shows.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	shown := block.FindAllSubmatch(readme, -1)
	if len(shown) != 3 {
		t.Fatalf("the README shows %d blocks of HCL, want a pipeline, its test and its triggers", len(shown))
	}
	shown[0][1] = append(append(shown[0][1], '\n'), shown[2][1]...)
	shown = shown[:2]
	for i, name := range []string{"postcards.hcl", "postcards.test.hcl"} {
		if err := os.WriteFile(filepath.Join(dir, name), shown[i][1], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFile("../../../pipelines/explainer/testdata/speech.wav", filepath.Join(dir, "hello.wav")); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), filepath.Join(built, "bin", "spinbot"), "test")
	c.Dir, c.Env = dir, append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+t.TempDir(), "SPINBOT_PLUGIN_DIR=")
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
		env := append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+t.TempDir(), "SPINBOT_PLUGIN_DIR=")
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
