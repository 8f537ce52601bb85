package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// answer is what approve and reject were given.
type answer struct {
	approved bool
	set      []string
	comment  string
}

func (p *program) approveCommand() *cobra.Command {
	a := answer{approved: true}
	c := &cobra.Command{
		Use:   "approve RUN [GATE]",
		Short: "Approve a gate, and fill in its form",
		Long: "Answers a gate of a run with yes. GATE may be left out when only one is open. Fields of its form that are not set\n" +
			"keep their defaults; spinbot show tells what is asked.",
		Example: "  spinbot approve last\n  spinbot approve last gate.review --set narration=\"Good evening\" --comment \"shorter now\"",
		Args:    cobra.RangeArgs(1, 2),
		RunE:    func(c *cobra.Command, args []string) error { return p.answerGate(c.Context(), args, a) },
	}
	c.Flags().StringArrayVar(&a.set, "set", nil, "a field of the form, `name=value`; JSON for lists and objects")
	c.Flags().StringVar(&a.comment, "comment", "", "a word with the answer, for the pipeline and the record")
	p.jsonFlag(c)
	return c
}

func (p *program) rejectCommand() *cobra.Command {
	var a answer
	c := &cobra.Command{
		Use:   "reject RUN [GATE]",
		Short: "Reject a gate",
		Long:  "Answers a gate of a run with no: the run goes on with approved = false. GATE may be left out when only one is open.",
		Args:  cobra.RangeArgs(1, 2),
		RunE:  func(c *cobra.Command, args []string) error { return p.answerGate(c.Context(), args, a) },
	}
	c.Flags().StringVar(&a.comment, "comment", "", "why, for the pipeline and the record")
	p.jsonFlag(c)
	return c
}

func (p *program) answerGate(ctx context.Context, args []string, a answer) error {
	form, err := pairs("--set", a.set)
	if err != nil {
		return err
	}
	return p.with(ctx, func(s *session) error {
		gate := ""
		if len(args) > 1 {
			gate = args[1]
		}
		r, at, err := openGate(ctx, s, args[0], gate)
		if err != nil {
			return err
		}
		if r, err = s.Tell(ctx, r.ID, client.WordAnswer, client.Word{At: at, Approved: a.approved, Form: form, Reason: a.comment}); err != nil {
			return err
		}
		if p.json {
			return printJSON(map[string]any{"version": client.ShapeVersion, "run": r})
		}
		word := "rejected"
		if a.approved {
			word = "approved"
		}
		warn("%s %s of %s", word, at, r.ID)
		tellWaiting(r)
		return nil
	})
}

// openGate finds the gate that is meant: the only one that is open when none is named.
func openGate(ctx context.Context, s *session, id, gate string) (client.Run, string, error) {
	r, err := s.Run(ctx, id)
	if err != nil {
		return r, "", err
	}
	if gate != "" {
		if !strings.Contains(gate, ".") {
			gate = "gate." + gate
		}
		return r, gate, nil
	}
	var open []string
	for _, n := range r.Nodes {
		if n.Ask != nil {
			open = append(open, n.At)
		}
	}
	switch len(open) {
	case 1:
		return r, open[0], nil
	case 0:
		return r, "", fmt.Errorf("%s has no open gate; it is %s", r.ID, stateOf(r))
	}
	return r, "", usage("%s has several open gates; name one: %s", r.ID, strings.Join(open, ", "))
}

// pairs reads name=value.
func pairs(flag string, list []string) (sdk.Values, error) {
	out := sdk.Values{}
	for _, v := range list {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usage("%s %s: write it name=value", flag, v)
		}
		out[name] = value
	}
	return out, nil
}

// tellWaiting says what of the run waits for a person, what is asked, and how to answer.
func tellWaiting(r client.Run) {
	style := styleOf(os.Stderr)
	for _, n := range r.Nodes {
		switch {
		case n.Ask != nil:
			until := ""
			if n.Until != nil {
				until = " until " + n.Until.Local().Format("2 Jan 15:04")
			}
			warn("\n%s waits for you%s: %s", style.Bold(n.At), until, n.Ask.Message)
			for _, name := range sortedKeys(n.Ask.Show) {
				warn("  %s = %s", name, valueText(n.Ask.Show[name]))
			}
			for _, f := range n.Ask.Form {
				warn("  %s", fieldText(f))
			}
			warn("  %s", style.Dim("spinbot approve "+r.ID+" "+quoted(n.At)))
		case n.State == "waiting" && n.Error != nil:
			warn("\n%s waits for you: %s", style.Bold(n.At), n.Error.Message)
			warn("  %s", style.Dim("spinbot decide "+r.ID+" "+quoted(n.At)+" retry|accept|skip|fail"))
		}
	}
}

func fieldText(f client.Field) string {
	text := "--set " + f.Name + "=" + f.Type
	if len(f.Options) > 0 {
		var options []string
		for _, o := range f.Options {
			options = append(options, valueText(o))
		}
		text = "--set " + f.Name + "=" + strings.Join(options, "|")
	}
	if f.Default != nil {
		text += "  (default " + valueText(f.Default) + ")"
	}
	if f.Description != "" {
		text += "  " + f.Description
	}
	return text
}
