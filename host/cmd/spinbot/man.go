package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand writes the manual page that packages install: what help says of every command.
func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Write the manual page",
		Hidden: true,
		Args:   cobra.NoArgs,

		Annotations: map[string]string{readsFile: "not"},
		RunE: func(c *cobra.Command, _ []string) error {
			writeManual(os.Stdout, c.Root())
			return nil
		},
	}
}

// writeManual writes in the language of man(7).
func writeManual(w io.Writer, root *cobra.Command) {
	fmt.Fprintf(w, ".TH SPINBOT 1 \"\" \"MySpinBot\" \"User Commands\"\n.nh\n.SH NAME\nspinbot \\- %s\n", roff(root.Short))
	fmt.Fprint(w, ".SH SYNOPSIS\n.B spinbot\n[flags] command [arguments]\n.SH DESCRIPTION\n")
	manualText(w, root.Long)
	fmt.Fprint(w, ".SH COMMANDS\n")
	manualCommands(w, root)
	fmt.Fprint(w, ".SH FLAGS OF ALL COMMANDS\n")
	manualFlags(w, root.PersistentFlags())
	fmt.Fprint(w, ".SH SEE ALSO\nhttps://github.com/myspinbot/spinbot\n")
}

// manualCommands writes the commands below one, and those below them.
func manualCommands(w io.Writer, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		fmt.Fprintf(w, ".SS %s\n", roff(strings.TrimSuffix(sub.UseLine(), " [flags]")))
		text := sub.Long
		if text == "" {
			text = sub.Short + "."
		}
		manualText(w, text)
		manualFlags(w, sub.LocalNonPersistentFlags())
		manualCommands(w, sub)
	}
}

// manualText writes paragraphs; what is indented stays as it is.
func manualText(w io.Writer, text string) {
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		as := strings.HasPrefix(line, "  ")
		switch {
		case as && !open:
			fmt.Fprint(w, ".nf\n")
		case !as && open:
			fmt.Fprint(w, ".fi\n")
		}
		open = as
		if line == "" {
			line = ".PP"
		} else {
			line = roff(line)
		}
		fmt.Fprintln(w, line)
	}
	if open {
		fmt.Fprint(w, ".fi\n")
	}
}

func manualFlags(w io.Writer, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		head := "--" + f.Name
		if f.Shorthand != "" {
			head = "-" + f.Shorthand + ", " + head
		}
		if name != "" {
			head += " " + name
		}
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(head), roff(usage))
	})
}

// roff writes a line so that nothing in it is a command or an accent of roff.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
