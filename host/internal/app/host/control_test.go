package host

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`var\.([a-z_]+)`)

// TestExamples checks what the control nodes' documentation shows, against the language and the nodes' own types.
func TestExamples(t *testing.T) {
	t.Parallel()
	h := open(t)
	v, err := h.catalog.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, nt := range v.NodeTypes() {
		if !strings.HasPrefix(nt.Name, "control.") {
			continue
		}
		if len(nt.Examples) == 0 {
			t.Errorf("%s has no example", nt.Name)
		}
		for _, e := range nt.Examples {
			text := "pipeline \"example\" {}\n" + e.HCL + "\n"
			var names []string
			for _, m := range variable.FindAllStringSubmatch(e.HCL, -1) {
				names = append(names, m[1])
			}
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				text += fmt.Sprintf("variable %q {}\n", name)
			}
			t.Log(nt.Name, e.Title)
			h.parse(t, text)
			shown++
		}
	}
	if shown < 10 {
		t.Errorf("%d examples are shown; the control nodes are not there", shown)
	}
}
