package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk/client"
)

// starterFiles holds a folder for each starter; the pipeline in it has the starter's name.
//
//go:embed all:starters
var starterFiles embed.FS

// starter is a pipeline to begin with, or the source of node types.
type starter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	run         string // what follows the pipeline's file on the command line
	plugin      string // what the plugin or module is called when nobody says; empty: the starter is a pipeline
	next        []step // what to do with the source, in order
}

// step is a command, and why it is given.
type step struct{ command, why string }

var starters = []starter{
	{"hello", "Greets somebody, one sentence at a time: control nodes, for_each, a test. Needs nothing else", "", "", nil},
	{"explainer", "An article and a picture become a film of 40 seconds. Needs ffmpeg and a speech engine",
		" --artifact article=article.md --artifact picture=picture.jpg --out out", "", nil},
	{"plugin", "A plugin in Go: a node type that writes a file, its test, a pipeline that uses it. Needs Go 1.26", "", "hello", []step{
		{"go mod tidy", "fetch what it is made of"},
		{"go test", "try it the way hosts use it"},
		{"go build -o NAME .", "then README.md says how to install it"},
	}},
	{"control-node", "A control node in Go: WASM in a sandbox, its test, a pipeline that uses it. Needs Go 1.26", "", "text", []step{
		{"go mod tidy", "fetch what it is made of"},
		{"go test", "try it as a program of this machine"},
		{`GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o NAME.wasm .`, "then README.md says how to install it"},
	}},
}

func starterOf(name string) (starter, error) {
	var known []string
	for _, s := range starters {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	return starter{}, usage("there is no starter %q; there are %s%s", name, strings.Join(known, ", "), expr.DidYouMean(name, known))
}

var (
	nameOfPipeline = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	nameOfPlugin   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// called is the name that was asked for, else the folder's, else the starter's own.
func (s starter) called(name, dir string) (string, error) {
	pattern, own, rule := nameOfPipeline, s.Name, "a pipeline's name has letters, digits, _ and -, and begins with a letter"
	if s.plugin != "" {
		pattern, own, rule = nameOfPlugin, s.plugin, "a plugin's name has lower-case letters, digits and _, and begins with a letter"
	}
	if name != "" {
		if !pattern.MatchString(name) {
			return "", usage("--name %s: %s", name, rule)
		}
		return name, nil
	}
	if base := filepath.Base(dir); pattern.MatchString(base) {
		return base, nil
	}
	return own, nil
}

// named makes a path or a text of a starter that of a pipeline or plugin called otherwise.
func (s starter) named(text, name string) string {
	if s.plugin != "" {
		return strings.ReplaceAll(text, "NAME", name)
	}
	return strings.NewReplacer(s.Name+".hcl", name+".hcl", s.Name+".test.hcl", name+".test.hcl",
		`pipeline "`+s.Name+`"`, `pipeline "`+name+`"`, "# "+s.Name+"\n", "# "+name+"\n").Replace(text)
}

// files gives what a starter writes, by path.
func (s starter) files(name string) (map[string][]byte, error) {
	out := map[string][]byte{}
	root := path.Join("starters", s.Name)
	err := fs.WalkDir(starterFiles, root, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := starterFiles.ReadFile(at)
		if ext := path.Ext(at); ext == ".hcl" || ext == ".md" || s.plugin != "" {
			raw = []byte(s.named(string(raw), name))
		}
		// Source is kept as text: here it is neither a package nor a module.
		out[strings.TrimSuffix(s.named(strings.TrimPrefix(at, root+"/"), name), ".txt")] = raw
		return err
	})
	return out, err
}

// startersCalled gives the pipeline of each starter, called otherwise.
func startersCalled(name string) (out []client.Starter, err error) {
	for _, s := range starters {
		if s.plugin != "" {
			continue
		}
		raw, err := starterFiles.ReadFile(path.Join("starters", s.Name, s.Name+".hcl"))
		if err != nil {
			return nil, err
		}
		out = append(out, client.Starter{Name: s.Name, Description: s.Description, Text: s.named(string(raw), name)})
	}
	return out, nil
}

const sdkModule = "github.com/myspinbot/spinbot/sdk"

// use makes source take the SDK of a checkout instead of a release.
func (s starter) use(dir string, files map[string][]byte) error {
	if s.plugin == "" {
		return usage("--sdk %s: the starter %s is a pipeline, and needs no SDK", dir, s.Name)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if first, _, _ := strings.Cut(string(raw), "\n"); err != nil || first != "module "+sdkModule {
		return usage("--sdk %s: it is not the SDK of spinbot; name the folder sdk of a checkout", dir)
	}
	files["go.mod"] = fmt.Appendf(files["go.mod"], "\nreplace %s => %s\n", sdkModule, strconv.Quote(dir))
	return nil
}

// steps are what to do with what was written.
func (s starter) steps(name string) []step {
	if s.plugin == "" {
		return []step{{"spinbot run " + name + ".hcl" + s.run, "run it"}, {"spinbot test", "check that it does what " + name + ".test.hcl says"}}
	}
	var out []step
	for _, st := range s.next {
		out = append(out, step{s.named(st.command, name), st.why})
	}
	return out
}
