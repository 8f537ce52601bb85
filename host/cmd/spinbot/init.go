package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) initCommand() *cobra.Command {
	var name, from, sdk string
	var list bool
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a pipeline to begin with, or a plugin, with its test",
		Long: "Writes a pipeline that runs at once, its test and a README into DIR (default: this folder); or the source of a plugin or a\n" +
			"control node. Nothing that is there already is overwritten. It is called like the folder, or as --name says.",
		Example: "  spinbot init hello\n  spinbot init films --from explainer --name launch\n  spinbot init words --from plugin --sdk ~/spinbot/sdk\n  spinbot init --list",
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
			if name, err = s.called(name, dir); err != nil {
				return err
			}
			files, err := s.files(name)
			if err == nil && sdk != "" {
				err = s.use(sdk, files)
			}
			if err != nil {
				return err
			}
			return p.begin(s, dir, name, files)
		},
	}
	c.Flags().StringVar(&name, "name", "", "what it is called (default: like the folder)")
	c.Flags().StringVar(&from, "from", "hello", "the `starter` to take; --list shows them")
	c.Flags().StringVar(&sdk, "sdk", "", "the `folder` sdk of a checkout of spinbot, for a plugin or control node (default: the newest release)")
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

// begin writes a starter into a folder, all of it or nothing.
func (p *program) begin(s starter, dir, name string, files map[string][]byte) error {
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
	what := "a pipeline"
	if s.plugin != "" {
		what = "a plugin's source"
	}
	warn("\n%s is %s now. Next:\n", style.Bold(name), what)
	if filepath.Clean(dir) != "." {
		warn("  cd %s", shellWord(dir))
	}
	steps := s.steps(name)
	width := 0
	for _, st := range steps {
		width = max(width, min(len(st.command), 40))
	}
	for _, st := range steps {
		warn("  %s  %s", st.command+strings.Repeat(" ", max(0, width-len(st.command))), style.Dim("# "+st.why))
	}
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
