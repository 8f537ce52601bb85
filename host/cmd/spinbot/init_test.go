package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStarters: every pipeline is formatted, valid and passes its test, under its own name and another one; hello runs.
func TestStarters(t *testing.T) {
	t.Parallel()
	for _, s := range starters {
		if s.plugin != "" {
			continue // docs/tutorials has them, from init to a run
		}
		for _, name := range []string{s.Name, "other-name"} {
			t.Run(s.Name+" as "+name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "folder 1")
				state := knowingState(t)
				spinbot := func(args ...string) string {
					t.Helper()
					c := exec.CommandContext(t.Context(), filepath.Join(built, "bin", "spinbot"), args...)
					c.Dir, c.Env = dir, append(os.Environ(), "HOME="+t.TempDir(), "SPINBOT_STATE_DIR="+state, "SPINBOT_PLUGIN_DIR=")
					out, err := c.CombinedOutput()
					if err != nil {
						t.Fatalf("spinbot %s: %v\n%s", strings.Join(args, " "), err, out)
					}
					return string(out)
				}
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				file, test := name+".hcl", name+".test.hcl"
				told := spinbot("init", "--from", s.Name, "--name", name)
				for _, want := range []string{"spinbot run " + file, "spinbot test", "README.md", ".gitignore"} {
					if !strings.Contains(told, want) {
						t.Errorf("init does not say %q:\n%s", want, told)
					}
				}
				spinbot("fmt", "-check", file, test)
				if out := spinbot("validate", file, test); !strings.Contains(out, "valid ("+name+",") {
					t.Errorf("the pipeline is not called %s: %s", name, out)
				}
				spinbot("test")
				readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
				if err != nil || !bytes.Contains(readme, []byte("spinbot run "+file)) || !bytes.Contains(readme, []byte("spinbot test")) {
					t.Errorf("the README does not tell the two commands: %v\n%s", err, readme)
				}
				if s.Name == "hello" {
					if out := spinbot("run", file, "--var", "name=Grace"); !strings.Contains(out, `greeting = "HELLO, GRACE!"`) {
						t.Errorf("run: %s", out)
					}
				}
			})
		}
	}
}

// TestExplainerStarter: the starter is the pipeline of the demo, with its files.
func TestExplainerStarter(t *testing.T) {
	t.Parallel()
	read := func(path string) []byte {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	from := "../../../pipelines/"
	for _, name := range []string{"article.md", "picture.jpg", "testdata/speech.wav", "testdata/clip.mp4", "testdata/film.mp4",
		"testdata/captions.srt", "testdata/thumbnail.jpg"} {
		if !bytes.Equal(read("starters/explainer/"+name), read(from+"explainer/"+name)) {
			t.Errorf("starters/explainer/%s is not pipelines/explainer/%[1]s: copy it", name)
		}
	}
	code := func(path string) string {
		_, rest, _ := strings.Cut(string(read(path)), "\npipeline \"explainer\"")
		return rest
	}
	if code("starters/explainer/explainer.hcl") != code(from+"explainer.hcl") {
		t.Error("starters/explainer/explainer.hcl is not pipelines/explainer.hcl, the comment at its top aside: copy it")
	}
}

// TestSourceStarters: the source that init writes is that of the SDK's examples.
func TestSourceStarters(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{
		"plugin/main.go.txt": "hello/main.go", "plugin/main_test.go.txt": "hello/hello_test.go", "plugin/plugin.hcl": "hello/plugin.hcl", "control-node/main.go.txt": "slug/main.go",
	} {
		name := map[bool]string{true: "hello", false: "text"}[strings.HasPrefix(from, "plugin/")]
		raw, err := starterFiles.ReadFile("starters/" + from)
		example, xerr := os.ReadFile("../../../sdk/examples/" + to)
		if err != nil || xerr != nil || strings.ReplaceAll(string(raw), "NAME", name) != string(example) {
			t.Errorf("starters/%s is not sdk/examples/%s, with NAME for %s: copy it (%v, %v)", from, to, name, err, xerr)
		}
	}
}
