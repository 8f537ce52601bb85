package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/sdk"
)

var update = flag.Bool("update", false, "rewrite the reference")

const reference = "../../docs/nodes.md"

// TestReference: docs/nodes.md says what the nodes say of themselves.
func TestReference(t *testing.T) {
	t.Parallel()
	want := document(plugin.Manifest())
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(reference); err != nil || string(got) != want {
		t.Errorf("%s is out of date: go test ./control -run Reference -update (%v)", reference, err)
	}
}

func document(m sdk.Manifest) string {
	var b strings.Builder
	b.WriteString("# The control nodes that ship\n\nPrinted by `go test ./control -run Reference -update` from what the nodes say of themselves. " +
		"`spinbot node-types NAME` shows the same for any node type. How to write one: [control-nodes.md](control-nodes.md).\n")
	for _, n := range m.NodeTypes {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n", n.Name, n.Description)
		if len(n.Grants) > 0 {
			fmt.Fprintf(&b, "\nIt asks for %s: `spinbot plugins grant %s …`.\n", strings.Join(n.Grants, ", "), n.Name)
		}
		for _, e := range n.Examples {
			fmt.Fprintf(&b, "\n%s:\n\n```hcl\n%s\n```\n", e.Title, strings.TrimSpace(e.HCL))
		}
		properties(&b, "input", n.Inputs)
		properties(&b, "output", n.Outputs)
	}
	return b.String()
}

func properties(b *strings.Builder, what string, s sdk.Schema) {
	fmt.Fprintf(b, "\n| %s | type | | |\n|---|---|---|---|\n", what)
	for _, p := range s.Properties {
		property(b, p.Name, p.Schema, s.IsRequired(p.Name) && what == "input")
	}
}

func property(b *strings.Builder, name string, s sdk.Schema, required bool) {
	note := ""
	switch {
	case required:
		note = "required"
	case s.Default != nil:
		note = fmt.Sprintf("`%v`", s.Default)
	}
	cells := strings.NewReplacer("|", `\|`)
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, cells.Replace(expr.SchemaText(s)), note, cells.Replace(s.Description))
	inner, prefix := s, name+"."
	if s.Type == "array" && s.Items != nil {
		inner, prefix = *s.Items, name+"[]."
	}
	if inner.Type == "object" && !inner.IsArtifact() {
		for _, p := range inner.Properties {
			property(b, prefix+p.Name, p.Schema, inner.IsRequired(p.Name) && required)
		}
	}
}
