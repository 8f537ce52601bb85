package comfyui_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/comfyui"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// TestArchives reads each archive's workflow, with its definitions if there are any. "api.json" is what it becomes,
// "notes" what is told of it.
func TestArchives(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 5 {
		t.Fatal("too few archives", names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			all, err := readFiles(name)
			if err != nil {
				t.Fatal(err)
			}
			got := readArchive(t, all)
			changed := false
			for i, f := range all.files {
				if text, compared := got[f.name]; compared && text != string(f.data) {
					if all.files[i].data, changed = []byte(text), true; !*update {
						t.Errorf("%s: got\n%s\nwant\n%s", f.name, text, f.data)
					}
				}
			}
			if changed && *update {
				if err := os.WriteFile(name, all.format(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func readArchive(t *testing.T, all *archive) map[string]string {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range all.files {
		files[f.name] = f.data
	}
	var defs comfyui.Definitions
	if raw, ok := files["object_info.json"]; ok {
		var err error
		if defs, err = comfyui.ReadDefinitions(raw); err != nil {
			t.Fatal(err)
		}
	}
	g, err := comfyui.Read(files["workflow.json"], defs)
	if err != nil {
		t.Fatal(err)
	}
	var notes strings.Builder
	for _, x := range g.Gaps {
		fmt.Fprintf(&notes, "gap: node %s (%s): %s\n", x.ID, x.Class, x.Why)
	}
	for _, w := range g.Warnings {
		fmt.Fprintf(&notes, "warning: %s\n", w)
	}
	for _, n := range g.Nodes {
		if n.Pack != "" {
			fmt.Fprintf(&notes, "pack: %s of %s\n", n.Class, n.Pack)
		}
	}
	again, err := comfyui.Read(g.JSON(), nil)
	if err != nil || !bytes.Equal(again.JSON(), g.JSON()) {
		t.Errorf("what is written reads otherwise: %v\n%s", err, g.JSON())
	}
	if _, told := files["notes"]; !told && len(g.Gaps)+len(g.Warnings) > 0 {
		t.Errorf("unexpected notes:\n%s", notes.String())
	}
	return map[string]string{"api.json": string(g.JSON()), "notes": notes.String()}
}

// TestRefused: what is wrong with a file, and what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	chain := func(n int) string { // a subgraph that contains itself n times
		inside := ""
		for i := range n {
			inside += fmt.Sprintf(`{"id": %d, "type": "s"},`, i)
		}
		return `{"nodes": [{"id": 1, "type": "s"}], "definitions": {"subgraphs": [{"id": "s", "name": "Snake", "nodes": [` +
			inside + `{"id": 99, "type": "x"}]}]}}`
	}
	for name, c := range map[string]struct{ in, want string }{
		"empty":      {"", "it is not JSON: line 1: it ends too early"},
		"cut":        {"{\n\"3\": {\"class_type\"", "it is not JSON: line 2: it ends too early"},
		"two":        {`{"nodes": []} {}`, "there is more text after its end"},
		"deep":       {strings.Repeat("[", 200), "nested more than 100 levels deep"},
		"list":       {"[1]", "want an object with nodes"},
		"text":       {`"hello"`, "a text and not a workflow"},
		"nothing":    {"{}", "it is an empty JSON object"},
		"other":      {`{"name": "x", "version": 1}`, `neither "nodes" (as in a file that ComfyUI saves) nor nodes with a "class_type"`},
		"defs":       {`{"KSampler": {"input": {}, "output": []}}`, "give it with --object-info"},
		"no class":   {`{"3": {"class_type": "A"}, "4": {"inputs": {}}}`, `node "4" has no "class_type"`},
		"dangling":   {`{"3": {"class_type": "A", "inputs": {"image": ["7", 0]}}}`, `node "3" ("A"): input "image" comes from node "7"`},
		"circle":     {`{"3": {"class_type": "A", "inputs": {"x": ["4", 0]}}, "4": {"class_type": "A", "inputs": {"x": ["3", 1]}}}`, "its links run in a circle, \"3 <- 4 <- 3\""},
		"no id":      {`{"nodes": [{"type": "A"}]}`, "nodes[0] has no id or no type"},
		"twice":      {`{"nodes": [{"id": 1, "type": "A"}, {"id": 1, "type": "B"}]}`, `two nodes have the id "1"`},
		"only notes": {`{"nodes": [{"id": 1, "type": "Note"}, {"id": 2, "type": "A", "mode": 2}]}`, "has no node that runs"},
		"reroutes": {`{"nodes": [{"id": 1, "type": "Reroute", "inputs": [{"link": 1}]}, {"id": 2, "type": "Reroute", "inputs": [{"link": 2}]},
			{"id": 3, "type": "A", "inputs": [{"name": "x", "link": 3}]}], "links": [[1, 2, 0, 1, 0], [2, 1, 0, 2, 0], [3, 1, 0, 3, 0]]}`,
			`node "3" ("A"), input "x": its links run in a circle`},
		"self":    {chain(1), `subgraph "Snake" contains itself`},
		"swelled": {chain(9), "contains itself, or lies more than 32 subgraphs deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := comfyui.Read([]byte(c.in), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
		})
	}
}

// TestDefinitions: files that hold something else.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"[]", "{}", `{"3": {"class_type": "A"}}`, `{"nodes": []}`} {
		if _, err := comfyui.ReadDefinitions([]byte(in)); err == nil || !strings.Contains(err.Error(), "/object_info") {
			t.Errorf("%s: got %v", in, err)
		}
	}
}

// FuzzRead: whatever the bytes, reading does not panic, and what was read can be written and read again.
func FuzzRead(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		all, err := readFiles(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(all.files[0].data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		g, err := comfyui.Read(data, nil)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error that says nothing")
			}
			return
		}
		again, err := comfyui.Read(g.JSON(), nil)
		if err != nil || !bytes.Equal(again.JSON(), g.JSON()) {
			t.Fatalf("what is written reads otherwise: %v\n%s", err, g.JSON())
		}
	})
}

// archive is some text, and files after it: "-- name --" begins each, as in txtar.
type archive struct {
	text  string
	files []file
}

type file struct {
	name string
	data []byte
}

func readFiles(path string) (*archive, error) {
	raw, err := os.ReadFile(path)
	all := &archive{}
	for line := range strings.Lines(string(raw)) {
		name, ok := strings.CutPrefix(line, "-- ")
		if name, end := strings.CutSuffix(name, " --\n"); ok && end {
			all.files = append(all.files, file{name: name})
		} else if n := len(all.files); n > 0 {
			all.files[n-1].data = append(all.files[n-1].data, line...)
		} else {
			all.text += line
		}
	}
	return all, err
}

func (a *archive) format() []byte {
	out := []byte(a.text)
	for _, f := range a.files {
		out = append(fmt.Appendf(out, "-- %s --\n", f.name), f.data...)
	}
	return out
}
