package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const repository = "../../.."

// docBlock is a fenced block with the mark before it: run, prints, file: PATH, save: PATH, vector: KIND: NAME.
var docBlock = regexp.MustCompile("(?s)(?:<!-- (\\w+)(?:: (.+?))? -->\n)?```(\\w+)\n(.*?)```\n")

// TestControlNodesPage does what docs/control-nodes.md says: every command is run, in a copy of the sdk, every file is
// as it stands in the repository, and bytes are those of the test vectors.
func TestControlNodesPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("guests of other languages are compiled without -short only")
	}
	for program, install := range map[string]string{"clang": "clang lld", "wasm-ld": "lld", "npm": "nodejs npm", "bash": "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing; install it: apt-get install %s", program, install)
			}
			t.Skipf("SKIPPING: %s is missing; install it: apt-get install %s", program, install)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository, "docs/control-nodes.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := docPage{dir: t.TempDir(), home: t.TempDir()}
	copySDK(t, page.dir)
	ran := 0
	for _, m := range docBlock.FindAllStringSubmatch(string(text), -1) {
		page.block(t, m[1], m[2], m[3], m[4])
		if m[1] == "run" {
			ran++
		}
	}
	if ran < 7 {
		t.Errorf("%d blocks were run", ran)
	}
}

// copySDK copies the sdk, without what npm put there.
func copySDK(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(repository, "sdk"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, strings.TrimPrefix(path, repository))
		switch {
		case d.Name() == "node_modules":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(to, 0o750)
		}
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// docPage is a reader who follows the page from its beginning.
type docPage struct{ dir, home, printed string }

func (p *docPage) block(t *testing.T, mark, arg, language, text string) {
	t.Helper()
	switch mark {
	case "run":
		p.run(t, text)
	case "prints":
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); !strings.Contains(p.printed, line) {
				t.Errorf("it prints\n%s\nand not %s", p.printed, line)
			}
		}
	case "save":
		if err := os.WriteFile(filepath.Join(p.dir, arg), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	case "file":
		if data, err := os.ReadFile(filepath.Join(repository, arg)); err != nil || string(data) != text {
			t.Errorf("the page does not show %s as it is (%v)", arg, err)
		}
	case "vector":
		checkVector(t, arg, text)
	default:
		if language == "sh" || language == "hcl" {
			t.Errorf("nobody tries this:\n%s", text)
		}
	}
}

func (p *docPage) run(t *testing.T, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", text)
	cmd.Dir = p.dir
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "SPINBOT_") && !strings.HasPrefix(name, "XDG_") && name != "HOME" && name != "PATH" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+p.home, "GOWORK=off", "PATH="+filepath.Join(built, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB"} { // what Go keeps in the real HOME
		if out, err := exec.CommandContext(t.Context(), "go", "env", name).Output(); err == nil {
			cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(out)))
		}
	}
	if config := os.Getenv("HOME") + "/.npmrc"; os.Getenv("NPM_CONFIG_USERCONFIG") == "" {
		cmd.Env = append(cmd.Env, "NPM_CONFIG_USERCONFIG="+config)
	}
	out, err := cmd.CombinedOutput()
	if p.printed = string(out); err != nil {
		t.Fatalf("%v\n%s\nprints\n%s", err, text, out)
	}
}

// checkVector compares the bytes at the beginning of each line with a vector.
func checkVector(t *testing.T, which, text string) {
	t.Helper()
	var v map[string][]struct{ Name, Hex string }
	data, err := os.ReadFile(filepath.Join(repository, "sdk/guest/testdata/vectors.json"))
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(text) {
		bytes, _, _ := strings.Cut(line, "  ")
		got.WriteString(strings.ReplaceAll(bytes, " ", ""))
	}
	kind, name, _ := strings.Cut(which, ": ")
	for _, c := range v[kind+"s"] {
		if c.Name == name {
			if c.Hex != got.String() {
				t.Errorf("%s: the page shows %s, the vector is %s", which, got.String(), c.Hex)
			}
			return
		}
	}
	t.Errorf("there is no vector %s", which)
}
