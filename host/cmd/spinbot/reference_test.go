package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/nodedoc"
	"github.com/myspinbot/spinbot/sdk"
)

const referenceBegins = "<!-- reference: begin (printed by host/cmd/spinbot) -->\n"

// referenceIs compares what a page of docs/reference has behind its marker with what it is to say, or writes it.
func referenceIs(t *testing.T, page, want string) {
	t.Helper()
	file := filepath.Join(repository, "docs/reference", page)
	raw, err := os.ReadFile(file)
	intro, got, ok := strings.Cut(string(raw), referenceBegins)
	switch {
	case err != nil || !ok:
		t.Fatalf("%s has no marker (%v)", file, err)
	case got == want:
	case !*update:
		t.Errorf("%s is out of date: go test ./cmd/spinbot -run Reference -update writes it", file)
	default:
		if err := os.WriteFile(file, []byte(intro+referenceBegins+want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPluginReference: docs/reference/plugins.md says what the bundled plugins say of themselves.
func TestPluginReference(t *testing.T) {
	t.Parallel()
	programs, err := filepath.Glob(filepath.Join(built, "bin/plugins/*/plugin.hcl"))
	sources, serr := filepath.Glob(filepath.Join(repository, "plugins/*/plugin.hcl"))
	if err != nil || serr != nil || len(programs) == 0 || len(programs) != len(sources) {
		t.Fatalf("%d of %d plugins were built (%v, %v): main_test.go lists them", len(programs), len(sources), err, serr)
	}
	var b strings.Builder
	b.WriteString("\n| plugin | | node types |\n|---|---|---|\n")
	var manifests []sdk.Manifest
	for _, file := range programs {
		name := filepath.Base(filepath.Dir(file))
		out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(file), name), "describe").Output()
		if err != nil {
			t.Fatalf("%s describe: %v", name, err)
		}
		m, err := sdk.ParseManifest(out)
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, m)
		var types []string
		for _, n := range m.NodeTypes {
			types = append(types, fmt.Sprintf("[%s](#%s)", n.Name, strings.ReplaceAll(n.Name, ".", "")))
		}
		fmt.Fprintf(&b, "| [%s](#%[1]s) | %s | %s |\n", m.Name, m.Description, strings.Join(types, ", "))
	}
	for _, m := range manifests {
		fmt.Fprintf(&b, "\n## %s\n\n%s. [More](../../plugins/%[1]s/README.md).\n", m.Name, m.Description)
		if m.ConfigSchema != nil {
			fmt.Fprintf(&b, "\nIn `spinbot.hcl`, `plugin \"%s\" { … }` may hold:\n", m.Name)
			nodedoc.Properties(&b, "key", *m.ConfigSchema)
		}
		for _, n := range m.NodeTypes {
			nodedoc.Type(&b, 3, n)
		}
	}
	referenceIs(t, "plugins.md", b.String())
}

// TestCommandReference: docs/reference/cli.md says what the commands say of themselves.
func TestCommandReference(t *testing.T) {
	t.Parallel()
	p := &program{file: config.Default(), origins: map[string]origin{}}
	root := &cobra.Command{Use: "spinbot", Short: "Run pipelines that make things: a file in, a video out"}
	p.globalFlags(root)
	root.AddCommand(p.commands()...)
	var b strings.Builder
	b.WriteString("\n## Flags of every command\n")
	documentFlags(&b, root.PersistentFlags())
	for _, c := range root.Commands() {
		documentCommand(&b, 2, c)
	}
	referenceIs(t, "cli.md", b.String())
}

// documentCommand writes a command, and those below it.
func documentCommand(b *strings.Builder, level int, c *cobra.Command) {
	if c.Hidden || !c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() {
		return
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", strings.Repeat("#", level), c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Runnable() {
		use := strings.TrimSpace(strings.TrimSuffix(c.CommandPath(), c.Name()) + c.Use)
		fmt.Fprintf(b, "\n```text\n%s\n```\n", use)
	}
	if c.Long != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.TrimSpace(c.Long))
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```sh\n%s\n```\n", undented(c.Example))
	}
	documentFlags(b, c.LocalNonPersistentFlags())
	for _, sub := range c.Commands() {
		documentCommand(b, level+1, sub)
	}
}

func undented(text string) string {
	var lines []string
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "  "))
	}
	return strings.Join(lines, "\n")
}

func documentFlags(b *strings.Builder, set *pflag.FlagSet) {
	first := true
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if first {
			b.WriteString("\n| flag | |\n|---|---|\n")
			first = false
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "false" && d != "0" && d != "0s" && !strings.Contains(usage, "default") {
			usage += " (default `" + d + "`)"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(name, "|", `\|`), strings.ReplaceAll(usage, "|", `\|`))
	})
}
