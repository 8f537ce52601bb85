package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
)

var update = flag.Bool("update", false, "rewrite the reference in docs/configuration.md")

// flagged are the commands that have keys.
func flagged() *cobra.Command {
	p := &program{file: config.Default(), origins: map[string]origin{}}
	root := &cobra.Command{Use: "spinbot"}
	p.globalFlags(root)
	root.AddCommand(p.serveCommand())
	return root
}

// TestConfigurationReference keeps docs/configuration.md telling which keys and blocks there are.
func TestConfigurationReference(t *testing.T) {
	t.Parallel()
	file := filepath.Join(repository, "docs", "configuration.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- reference: begin (printed by host/cmd/spinbot) -->\n", "<!-- reference: end -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the markers are gone")
	}
	var b strings.Builder
	b.WriteString("\n### Keys\n\n| key | type | default | |\n|---|---|---|---|\n")
	for _, k := range keys(flagged()) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, typeOf(k), code(strings.Trim(k.Default, "[]")), k.Doc)
	}
	for _, block := range config.Blocks() {
		documentBlock(&b, block, "")
	}
	want := before + begin + b.String() + "\n" + end + after
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatal("docs/configuration.md does not tell what there is; go test ./cmd/spinbot -run Reference -update writes it")
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func typeOf(k config.Key) string {
	switch {
	case k.Pairs:
		return "object or list(string)"
	case k.Type == "stringArray":
		return "list(string)"
	case k.Type == "int":
		return "whole number"
	}
	return k.Type
}

func code(s string) string {
	if s == "" || s == "0" {
		return ""
	}
	return "`" + s + "`"
}

func documentBlock(b *strings.Builder, block language.Block, path string) {
	name := path + block.Name
	for i, label := range block.Labels {
		if block.Name != "device" || i > 0 {
			label = strings.ToUpper(label)
		}
		name += fmt.Sprintf(" %q", label)
	}
	fmt.Fprintf(b, "\n### %s\n\n%s.\n", name, block.Doc)
	if len(block.Words) > 0 {
		b.WriteString("\n| attribute | type | default | |\n|---|---|---|---|\n")
	}
	for _, w := range block.Words {
		kind, fallback := w.Type, code(w.Default)
		if len(w.Options) > 0 && w.Type == "string" {
			kind = `"` + strings.Join(w.Options, `" or "`) + `"`
		}
		if w.Required {
			fallback = "required"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", w.Name, kind, fallback, w.Doc)
	}
	for _, inner := range block.Blocks {
		documentBlock(b, inner, name+" / ")
	}
}

// TestConfigurationExamples checks every example of the page as a reader would, with the plugins that come along.
func TestConfigurationExamples(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(repository, "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(raw, -1)
	if len(examples) < 2 {
		t.Fatal("there are no examples")
	}
	home := t.TempDir()
	file := filepath.Join(home, "spinbot.hcl")
	for _, e := range examples {
		if formatted, _ := syntax.Format("spinbot.hcl", e[1]); string(formatted) != string(e[1]) {
			t.Errorf("not canonical:\n%s", formatted)
		}
		if err := os.WriteFile(file, e[1], 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(built, "bin", "spinbot"), "config", "check", file)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != file+" is fine\n" {
			t.Errorf("%v\n%s\n%s", err, out, e[1])
		}
	}
}

// TestOneNameOneMeaning: a flag of another command that is called like one of all may mean something else; then neither
// the environment nor the file is for it. That is meant for these alone.
func TestOneNameOneMeaning(t *testing.T) {
	t.Parallel()
	p := &program{file: config.Default(), origins: map[string]origin{}}
	root := flagged()
	root.AddCommand(p.commands()...)
	other := map[string]bool{"cache gc --limit": true, "queue --limit": true, "runs --limit": true, "audit --limit": true, "artifacts --limit": true, "plugins grant --host": true}
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, name := range strings.Split(c.LocalNonPersistentFlags().FlagUsages(), "\n") {
			m := regexp.MustCompile(`--([a-z-]+)`).FindStringSubmatch(name)
			if m == nil {
				continue
			}
			f := c.LocalNonPersistentFlags().Lookup(m[1])
			if f != nil && root.PersistentFlags().Lookup(f.Name) != nil && !ours(root, f) && !other[path+"--"+f.Name] {
				t.Errorf("%s--%s is called like a flag of all commands and means something else", path, f.Name)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub, path+sub.Name()+" ")
		}
	}
	walk(root, "")
}
