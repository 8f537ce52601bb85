package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/nodedoc"
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
		nodedoc.Type(&b, 2, n)
	}
	return b.String()
}
