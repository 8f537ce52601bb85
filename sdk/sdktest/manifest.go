package sdktest

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// checkManifest looks for what a host would refuse, and for what would leave a person without an explanation.
func checkManifest(t testing.TB, m sdk.Manifest) {
	if err := m.Validate(); err != nil {
		t.Errorf("a host would refuse the manifest: %v", err)
	}
	if m.Description == "" {
		t.Errorf("plugin %s has no Description", m.Name)
	}
	for _, nt := range m.NodeTypes {
		checkWords(t, nt)
	}
	written := m.AppendJSON(nil)
	read, err := sdk.ParseManifest(written)
	if err != nil {
		t.Errorf("the manifest does not survive as JSON: %v", err)
		return
	}
	if again := read.AppendJSON(nil); !bytes.Equal(written, again) {
		at := 0
		for at < min(len(written), len(again)) && written[at] == again[at] {
			at++
		}
		t.Errorf("the manifest changes on its way through JSON: …%s… becomes …%s…", around(written, at), around(again, at))
	}
}

func around(b []byte, at int) []byte { return b[max(0, at-40):min(len(b), at+40)] }

func checkWords(t testing.TB, nt sdk.NodeType) {
	if nt.Description == "" {
		t.Errorf("node type %s has no Description", nt.Name)
	}
	for _, p := range nt.Inputs.Properties {
		if p.Schema.Description == "" {
			t.Errorf("node type %s: input %q has no description (a doc:\"…\" tag)", nt.Name, p.Name)
		}
	}
	for i, e := range nt.Examples {
		switch {
		case strings.TrimSpace(e.Title) == "" || strings.TrimSpace(e.HCL) == "":
			t.Errorf("node type %s: example %d needs a Title and HCL", nt.Name, i+1)
		case !strings.Contains(e.HCL, "node "+strconv.Quote(nt.Name)+" "):
			t.Errorf("node type %s: example %q does not use it: want node %q \"<name>\"", nt.Name, e.Title, nt.Name)
		}
	}
}

func checkStable(t testing.TB, p sdk.Plugin) {
	for _, n := range p.Nodes {
		if a, b := n.Type(), n.Type(); !bytes.Equal(a.AppendJSON(nil), b.AppendJSON(nil)) {
			t.Errorf("node type %s describes itself differently each time", a.Name)
		}
	}
}
