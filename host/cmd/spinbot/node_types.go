package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/typeexpr"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) nodeTypesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "node-types [TYPE]",
		Short: "List what nodes can do, or document one node type",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				list, err := s.NodeTypes(c.Context())
				if err != nil {
					return err
				}
				sort.Slice(list.NodeTypes, func(i, j int) bool { return list.NodeTypes[i].Name < list.NodeTypes[j].Name })
				if len(args) == 1 {
					return p.documentType(list, args[0])
				}
				if p.json {
					return printJSON(list)
				}
				style := styleOf(os.Stdout)
				var rows [][]cell
				for _, t := range list.NodeTypes {
					rows = append(rows, []cell{{t.Name, style.Bold}, plain(firstSentence(t.Description)), grantsCell(style, list.Grants[t.Name])})
				}
				table(os.Stdout, style, []string{"TYPE", "DOES", "GRANTS"}, rows)
				return nil
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) documentType(list client.NodeTypeList, name string) error {
	for _, t := range list.NodeTypes {
		if t.Name != name {
			continue
		}
		if p.json {
			one := client.NodeTypeList{Version: list.Version, NodeTypes: []sdk.NodeType{t}}
			if g := list.Grants[name]; g != nil {
				one.Grants = map[string][]client.Grant{name: g}
			}
			return printJSON(one)
		}
		documentType(styleOf(os.Stdout), t, list.Grants[name])
		return nil
	}
	known := make([]string, 0, len(list.NodeTypes))
	for _, t := range list.NodeTypes {
		known = append(known, t.Name)
	}
	return fmt.Errorf("there is no node type %s%s (spinbot node-types lists them)", name, expr.DidYouMean(name, known))
}

func documentType(style progress.Style, t sdk.NodeType, grants []client.Grant) {
	fmt.Println(style.Bold(t.Name))
	fmt.Println(t.Description)
	documentObject(style, "Inputs", t.Inputs)
	documentObject(style, "Outputs", t.Outputs)
	documentCases(style, t)
	var notes []string
	if d := t.Device; d != nil {
		notes = append(notes, "needs a device with "+sdk.FormatSize(d.Memory))
	}
	if t.Concurrency > 0 {
		notes = append(notes, fmt.Sprintf("at most %d at once", t.Concurrency))
	}
	if len(notes) > 0 {
		fmt.Println("\n" + style.Dim(strings.Join(notes, "; ")))
	}
	documentGrants(style, grants)
	for _, e := range t.Examples {
		fmt.Println("\n" + style.Bold(strings.TrimSpace("Example: "+e.Title)))
		fmt.Println(indent(e.HCL))
	}
}

// documentCases says what is needed, and how long it takes, by the values of inputs.
func documentCases(style progress.Style, t sdk.NodeType) {
	if len(t.Cases) == 0 {
		return
	}
	fmt.Println()
	var rows [][]cell
	for _, c := range t.Cases {
		need, takes := "", ""
		if d := c.Device; d != nil {
			need = "a device with " + sdk.FormatSize(d.Memory)
		}
		if p := c.Pace; p != nil {
			of := p.Per
			if in, _ := t.Inputs.Properties.Get(p.Per); in.XType == sdk.XArtifact {
				of = "seconds of " + of
			}
			takes = fmt.Sprintf("about %gs × %s", p.Seconds, of)
		}
		rows = append(rows, []cell{plain("  " + c.String()), plain(need), plain(takes), {c.Note, style.Dim}})
	}
	table(os.Stdout, style, []string{"  WHERE", "NEEDS", "TAKES", ""}, rows)
}

func documentObject(style progress.Style, title string, s sdk.Schema) {
	fmt.Println("\n" + style.Bold(title))
	if len(s.Properties) == 0 {
		fmt.Println(style.Dim("  none"))
		return
	}
	var rows [][]cell
	for _, p := range s.Properties {
		need := ""
		switch {
		case p.Schema.Default != nil:
			need = "= " + valueText(p.Schema.Default)
		case s.IsRequired(p.Name) && title == "Inputs":
			need = "required"
		}
		rows = append(rows, []cell{plain("  " + p.Name), {typeexpr.SchemaText(p.Schema), style.Dim}, plain(need), plain(p.Schema.Description)})
	}
	table(os.Stdout, style, []string{"  NAME", "TYPE", "", ""}, rows)
}

// firstSentence is what a list has room for.
func firstSentence(s string) string {
	sentence, _, _ := strings.Cut(firstLine(s), ". ")
	return strings.TrimSuffix(sentence, ".")
}
