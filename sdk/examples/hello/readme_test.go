package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// build compiles this plugin as its author would.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestBinary(t *testing.T) {
	t.Parallel()
	path := build(t)
	suite.Binary(t, path)
	out, err := exec.CommandContext(t.Context(), path, "describe").Output()
	if err != nil {
		t.Fatal(err)
	}
	m, err := sdk.ParseManifest(out)
	if err != nil || !bytes.Equal(m.AppendJSON(nil), plugin.Manifest().AppendJSON(nil)) {
		t.Errorf("describe gave %s, %v", out, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block is a fenced block of the README that says which file it shows.
var block = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```\\w*\n(.*?)```\n")

func TestReadme(t *testing.T) {
	t.Parallel()
	shown := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		shown[m[1]] = m[2]
	}
	for _, path := range []string{
		"examples/hello/main.go", "examples/hello/plugin.hcl", "examples/hello/welcome.hcl", "examples/hello/hello_test.go",
		"examples/slug/main.go", "examples/painter/models.go",
	} {
		text := read(t, filepath.Join("../..", path))
		if shown[path] != text {
			t.Errorf("README.md does not show %s as it is", path)
		}
		if lines := strings.Count(text, "\n"); strings.HasSuffix(path, "main.go") && lines > 40 {
			t.Errorf("%s has %d lines; 40 at most", path, lines)
		}
	}
}

// TestReadmeManifest reads the manifest that a WASI command is told to print.
func TestReadmeManifest(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(read(t, "../../README.md"), "```json\n")
	manifest, _, _ := strings.Cut(rest, "```")
	if m, err := sdk.ParseManifest([]byte(manifest)); err != nil || len(m.NodeTypes) != 1 {
		t.Errorf("README.md shows a manifest that is refused: %v", err)
	}
}

// TestTypes: the node types that welcome.test.hcl is tested with are those of this plugin.
func TestTypes(t *testing.T) {
	t.Parallel()
	var f struct {
		NodeTypes []sdk.NodeType `json:"node_types"`
	}
	if err := json.Unmarshal([]byte(read(t, "types.json")), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.NodeTypes) == 0 || !bytes.Equal(f.NodeTypes[0].AppendJSON(nil), plugin.Manifest().NodeTypes[0].AppendJSON(nil)) {
		t.Errorf("types.json does not hold %s as it is; write it anew with spinbot node-types --json", plugin.Manifest().NodeTypes[0].Name)
	}
}

func TestPluginFile(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)\s*= "(.*)"$`).FindAllStringSubmatch(read(t, "plugin.hcl"), -1) {
		attributes[m[1]] = m[2]
	}
	if attributes["name"] != plugin.Name || attributes["version"] != plugin.Version || attributes["description"] != plugin.Description {
		t.Errorf("plugin.hcl says %v, the plugin says %s %s, %s", attributes, plugin.Name, plugin.Version, plugin.Description)
	}
}
