package nodedoc_test

import (
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/nodedoc"
	"github.com/myspinbot/spinbot/sdk"
)

func TestType(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	nodedoc.Type(&b, 3, sdk.NodeType{
		Name: "paint.dot", Description: "Paints a dot.", Grants: []string{"http"}, Device: &sdk.DeviceNeed{Memory: 3 << 29, Count: 2, Exclusive: true},
		Examples: []sdk.Example{{Title: "One", HCL: "\nnode \"paint.dot\" \"it\" {}\n"}},
		Inputs: sdk.Schema{Type: "object", Required: []string{"at"}, Properties: []sdk.Property{
			{Name: "at", Schema: sdk.Schema{Type: "object", Required: []string{"x"}, Properties: []sdk.Property{{Name: "x", Schema: sdk.Schema{Type: "integer", Description: "this | that"}}}}},
			{Name: "color", Schema: sdk.Schema{Type: "string", Default: "red"}},
		}},
	})
	want := "\n### paint.dot\n\nPaints a dot.\n\nIt asks for http: `spinbot plugins grant paint.dot …`.\n\n" +
		"It asks for 2 devices with 1.5 GiB free, which it has alone.\n\nOne:\n\n```hcl\nnode \"paint.dot\" \"it\" {}\n```\n\n" +
		"| input | type | | |\n|---|---|---|---|\n| `at` | object({x}) | required |  |\n| `at.x` | integer | required | this \\| that |\n| `color` | string | `red` |  |\n"
	if b.String() != want {
		t.Errorf("it writes\n%s\nwant\n%s", b.String(), want)
	}
}
