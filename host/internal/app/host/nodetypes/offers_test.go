package nodetypes

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestNoPreviews: what mends it depends on what is wrong.
func TestNoPreviews(t *testing.T) {
	t.Parallel()
	for fix, entries := range map[string][]catalog.Entry{
		"spinbot plugins trust render": {{Name: "render", Kind: catalog.Plugin, State: catalog.Refused, Reason: "it changed"}},
		"it comes with spinbot; elsewhere, say where it is: spinbot serve --plugin-dir DIR": nil,
		"take the one that comes with this spinbot":                                         {{Name: "render", Kind: catalog.Plugin, State: catalog.Ready}},
	} {
		p := noPreviews(&catalog.View{Entries: entries}, "render.thumbnail")
		if p.Fix != fix || p.Code != client.CodeUnavailable || !strings.Contains(p.Detail, "plugin render") {
			t.Errorf("%+v, want %s", p, fix)
		}
	}
}
