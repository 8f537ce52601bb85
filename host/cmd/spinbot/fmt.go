package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

func (p *program) fmtCommand() *cobra.Command {
	var check, differ bool
	c := &cobra.Command{
		Use:   "fmt [-check] [-diff] FILE... | -",
		Short: "Write pipelines in their canonical form",
		Long: "Rewrites each file in its canonical form, comments kept, and prints the names of those that changed; \"-\" reads\n" +
			"standard input and writes to standard output. With -check nothing is written, and the exit code is 2 when\n" +
			"something would change; -diff shows what.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			changes := false
			for _, file := range args {
				changed, err := formatFile(file, check, differ)
				if err != nil {
					return err
				}
				changes = changes || changed
			}
			if check && changes {
				return errChanges
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "write nothing; exit 2 when something would change")
	c.Flags().BoolVar(&differ, "diff", false, "show the changes")
	return c
}

func formatFile(file string, check, differ bool) (changed bool, err error) {
	var before []byte
	if file == "-" {
		before, err = io.ReadAll(io.LimitReader(os.Stdin, maxPipeline))
	} else {
		before, err = os.ReadFile(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, missing(file)
	}
	if err != nil {
		return false, err
	}
	after, wrong := syntax.Format(file, before)
	if wrong.HasErrors() {
		wrong.Write(os.Stderr, func(string) []byte { return before }, styleOf(os.Stderr).Colour)
		return false, errInvalid
	}
	changed = !bytes.Equal(before, after)
	if differ && changed {
		if _, err := os.Stdout.Write(diff.Diff(file, before, file+" (canonical)", after)); err != nil {
			return false, err
		}
	}
	switch {
	case check:
		if changed && !differ {
			fmt.Println(file)
		}
		return changed, nil
	case file == "-":
		if !differ {
			_, err = os.Stdout.Write(after)
		}
		return changed, err
	case !changed:
		return false, nil
	}
	if !differ {
		fmt.Println(file)
	}
	if file, err = filepath.EvalSymlinks(file); err != nil { // a link stays one
		return false, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return false, err
	}
	return true, replace(file, after, info.Mode().Perm())
}

// replace writes beside the file and renames, so that a full disk leaves the old one.
func replace(file string, content []byte, mode fs.FileMode) error {
	tmp := file + ".spinbot-new"
	if err := os.WriteFile(tmp, content, mode); err != nil {
		os.Remove(tmp)
		return err
	}
	return os.Rename(tmp, file)
}
