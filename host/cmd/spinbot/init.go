package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk/client"
)

// starterFiles holds a folder for each starter; the pipeline in it has the starter's name.
//
//go:embed all:starters
var starterFiles embed.FS

// starter is a pipeline to begin with.
type starter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	run         string // what follows the pipeline's file on the command line
}

var starters = []starter{
	{"hello", "Greets somebody, one sentence at a time: control nodes, for_each, a test. Needs nothing else", ""},
	{"explainer", "An article and a picture become a film of 40 seconds. Needs ffmpeg and a speech engine",
		" --artifact article=article.md --artifact picture=picture.jpg --out out"},
}

func (p *program) initCommand() *cobra.Command {
	var name, from string
	var list bool
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a pipeline to begin with, with its test",
		Long: "Writes a pipeline that runs at once, its test and a README into DIR (default: this folder). Nothing that is there\n" +
			"already is overwritten. The pipeline is called like the folder, or as --name says.",
		Example: "  spinbot init hello\n  spinbot init films --from explainer --name launch\n  spinbot init --list",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				return p.listStarters()
			}
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			s, err := starterOf(from)
			if err != nil {
				return err
			}
			if name, err = pipelineName(name, dir, s); err != nil {
				return err
			}
			return p.begin(s, dir, name)
		},
	}
	c.Flags().StringVar(&name, "name", "", "what the pipeline is called (default: like the folder)")
	c.Flags().StringVar(&from, "from", "hello", "the `starter` to take; --list shows them")
	c.Flags().BoolVar(&list, "list", false, "list the starters")
	p.jsonFlag(c)
	return c
}

func (p *program) listStarters() error {
	if p.json {
		return printJSON(struct {
			Version  int       `json:"version"`
			Starters []starter `json:"starters"`
		}{client.ShapeVersion, starters})
	}
	style := styleOf(os.Stdout)
	var rows [][]cell
	for _, s := range starters {
		rows = append(rows, []cell{{s.Name, style.Bold}, plain(s.Description)})
	}
	table(os.Stdout, style, []string{"STARTER", "DOES"}, rows)
	return nil
}

func starterOf(name string) (starter, error) {
	var known []string
	for _, s := range starters {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	return starter{}, usage("there is no starter %q; there are %s%s", name, strings.Join(known, " and "), expr.DidYouMean(name, known))
}

var nameOfPipeline = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// pipelineName is the name that was asked for, else the folder's, else the starter's.
func pipelineName(name, dir string, s starter) (string, error) {
	if name != "" {
		if !nameOfPipeline.MatchString(name) {
			return "", usage("--name %s: a pipeline's name has letters, digits, _ and -, and begins with a letter", name)
		}
		return name, nil
	}
	if base := filepath.Base(dir); nameOfPipeline.MatchString(base) {
		return base, nil
	}
	return s.Name, nil
}

// named makes a path or a text of a starter that of a pipeline called otherwise.
func (s starter) named(text, name string) string {
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
		if ext := path.Ext(at); ext == ".hcl" || ext == ".md" {
			raw = []byte(s.named(string(raw), name))
		}
		out[s.named(strings.TrimPrefix(at, root+"/"), name)] = raw
		return err
	})
	return out, err
}

// startersCalled gives the pipeline of each starter, called otherwise.
func startersCalled(name string) (out []client.Starter, err error) {
	for _, s := range starters {
		raw, err := starterFiles.ReadFile(path.Join("starters", s.Name, s.Name+".hcl"))
		if err != nil {
			return nil, err
		}
		out = append(out, client.Starter{Name: s.Name, Description: s.Description, Text: s.named(string(raw), name)})
	}
	return out, nil
}

// begin writes a starter into a folder, all of it or nothing.
func (p *program) begin(s starter, dir, name string) error {
	files, err := s.files(name)
	if err != nil {
		return err
	}
	paths := sortedKeys(files)
	var there []string
	for _, at := range paths {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(at))); err == nil {
			there = append(there, filepath.Join(dir, filepath.FromSlash(at)))
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s there already, and nothing was written; name another folder: spinbot init DIR", isOrAre(there))
	}
	var written []string
	for _, at := range paths {
		file := filepath.Join(dir, filepath.FromSlash(at))
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = writeNew(file, files[at])
		}
		if err != nil {
			for _, w := range written {
				os.Remove(w)
			}
			return err
		}
		written = append(written, file)
	}
	if p.json {
		return printJSON(struct {
			Version int      `json:"version"`
			Name    string   `json:"name"`
			From    string   `json:"from"`
			Files   []string `json:"files"`
		}{client.ShapeVersion, name, s.Name, written})
	}
	for _, file := range written {
		fmt.Println(file)
	}
	style := styleOf(os.Stderr)
	warn("\n%s is a pipeline now. Next:\n", style.Bold(name))
	if filepath.Clean(dir) != "." {
		warn("  cd %s", shellWord(dir))
	}
	run := "spinbot run " + name + ".hcl" + s.run
	gap := strings.Repeat(" ", max(0, min(len(run), 40)-len("spinbot test")))
	warn("  %s  %s", run, style.Dim("# run it"))
	warn("  spinbot test%s  %s", gap, style.Dim("# check that it does what "+name+".test.hcl says"))
	return nil
}

func isOrAre(list []string) string {
	if len(list) == 1 {
		return list[0] + " is"
	}
	last := len(list) - 1
	return strings.Join(slices.Clone(list[:last]), ", ") + " and " + list[last] + " are"
}

// writeNew writes a file that must not be there.
func writeNew(file string, raw []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Close())
}

// shellWord is a path as a shell takes it.
func shellWord(text string) string {
	if strings.ContainsAny(text, " \t'\"$`\\&|;<>()*?[]#~!{}") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
