package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check pipelines without running them",
		Long: "Checks everything that can be known before a run: syntax, references, cycles, node types and their inputs. Test\n" +
			"files are checked with their pipelines, and not run.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error { return p.validate(c, s, args) })
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) validate(c *cobra.Command, s *session, files []string) error {
	type result struct {
		File string `json:"file"`
		client.Checked
	}
	var results []result
	valid := true
	for _, file := range files {
		if strings.HasSuffix(file, testfile.Extension) {
			checked, err := p.checkTest(c.Context(), file)
			if err != nil {
				return err
			}
			results = append(results, result{file, checked})
			valid = valid && checked.Valid
			continue
		}
		src, err := s.source(c.Context(), file)
		if err != nil {
			return err
		}
		checked, err := s.Check(c.Context(), src, "")
		if err != nil {
			return err
		}
		results = append(results, result{file, checked})
		valid = valid && checked.Valid
		if !p.json {
			writeDiagnostics(checked.Diagnostics, file, src)
			if checked.Valid {
				fmt.Printf("%s: valid (%s, %d nodes)\n", file, checked.Pipeline, checked.Nodes)
			}
		}
	}
	if p.json {
		if err := printJSON(map[string]any{"version": client.ShapeVersion, "files": results}); err != nil {
			return err
		}
	}
	if !valid {
		return errInvalid
	}
	return nil
}
