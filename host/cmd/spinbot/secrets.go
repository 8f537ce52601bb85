package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) secretsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "secrets",
		Short: "Secrets that pipelines refer to",
		Long: "A pipeline says secret \"hook\" {} and gets the value from its host: SPINBOT_SECRET_HOOK in the host's environment,\n" +
			"else what the command named with --secrets-command prints, else the file named with --secrets-file, else what\n" +
			"spinbot secrets set has stored in the state directory. These commands never show a value.",
	}
	ls := &cobra.Command{
		Use: "ls", Short: "List the secrets that there are, and where they come from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.listSecrets() },
	}
	p.jsonFlag(ls)
	set := &cobra.Command{
		Use: "set NAME", Short: "Store a secret: type it, or send it to standard input", Args: cobra.ExactArgs(1),
		Long: "Stores a secret in the state directory, readable by you alone. Its value is typed without being shown, or read from\n" +
			"standard input; one newline at its end is not part of it. Runs under way get it with their next task.",
		Example: "  spinbot secrets set hook\n  pass show hook | spinbot secrets set hook",
		RunE: func(_ *cobra.Command, args []string) error {
			state, err := local.At(p.stateDir)
			if err != nil {
				return err
			}
			value, err := readSecret(args[0])
			if err != nil {
				return err
			}
			return secrets.Store(state.Secrets(), args[0], value)
		},
	}
	rm := &cobra.Command{
		Use: "rm NAME...", Short: "Forget secrets that are stored", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			state, err := local.At(p.stateDir)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				errs = append(errs, secrets.Remove(state.Secrets(), name))
			}
			return errors.Join(errs...)
		},
	}
	c.AddCommand(ls, set, rm)
	return c
}

// readSecret asks for a value without showing it, or reads standard input.
func readSecret(name string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, secrets.MaxLength+3))
		return string(raw), err
	}
	fmt.Fprintf(os.Stderr, "secret %s (it is not shown): ", name)
	raw, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(raw), err
}

func (p *program) listSecrets() error {
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	cfg := secrets.Config{KeyFile: state.HostKey(), Dir: state.Secrets(), Environ: os.Environ()}
	if cfg.Files, cfg.Commands, err = p.secretSources(); err != nil {
		return err
	}
	list := secrets.New(cfg).List()
	if p.json {
		if list == nil {
			list = []secrets.Known{}
		}
		return printJSON(map[string]any{"version": client.ShapeVersion, "secrets": list})
	}
	if len(list) == 0 {
		warn("there are no secrets; spinbot secrets set NAME stores one")
		return nil
	}
	style := styleOf(os.Stdout)
	var rows [][]cell
	for i, k := range list {
		problem := cell{k.Problem, style.Bad}
		if i > 0 && strings.EqualFold(list[i-1].Name, k.Name) {
			problem = cell{"not used: the one above goes before it", style.Dim}
		}
		rows = append(rows, []cell{plain(k.Name), plain(string(k.From)), {k.Where, style.Dim}, problem})
	}
	table(os.Stdout, style, []string{"NAME", "FROM", "WHERE", ""}, rows)
	return nil
}

// secretSources reads the flags that say where secrets come from.
func (p *program) secretSources() (files map[string]string, commands map[string][]string, err error) {
	files, commands = map[string]string{}, map[string][]string{}
	for _, f := range p.secretFiles {
		name, path, err := secretFile(f)
		if err != nil {
			return nil, nil, err
		}
		files[name] = path
	}
	for _, f := range p.secretCommands {
		name, argv, err := secretCommand(f)
		if err != nil {
			return nil, nil, err
		}
		commands[name] = argv
	}
	return files, commands, nil
}

func secretFile(text string) (name, path string, err error) {
	name, path, ok := strings.Cut(text, "=")
	if !ok || name == "" || path == "" {
		return "", "", fmt.Errorf("%q names no file; write it name=path", text)
	}
	return name, path, nil
}

func secretCommand(text string) (name string, argv []string, err error) {
	name, line, ok := strings.Cut(text, "=")
	argv, closed := words(line)
	if !ok || name == "" || len(argv) == 0 || !closed {
		return "", nil, fmt.Errorf("%q names no command; write it name='program argument …'", text)
	}
	return name, argv, nil
}

// words splits a line at blanks; quotes keep words together. No shell sees it. closed is false when a quote is left open.
func words(line string) (out []string, closed bool) {
	var word strings.Builder
	quote, begun := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && unicode.IsSpace(r):
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out, quote == 0
}
