package pipeline

import (
	"encoding/json"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Options are the only values that the variable may have, where a validation says so plainly: contains(["a", "b"], var.x). Numbers are
// json.Number. nil: any of its type.
func (v *Variable) Options() []any {
	for _, check := range v.Validations {
		call, ok := check.Condition.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "contains" || len(call.Args) != 2 {
			continue
		}
		of, ok := call.Args[1].(*hclsyntax.ScopeTraversalExpr)
		if !ok || len(of.Traversal) != 2 || of.Traversal.RootName() != "var" {
			continue
		}
		list, ds := call.Args[0].Value(nil)
		if ds.HasErrors() || !list.IsWhollyKnown() || !list.CanIterateElements() {
			continue
		}
		var options []any
		for _, one := range list.AsValueSlice() {
			switch {
			case one.IsNull():
				return nil
			case one.Type() == cty.String:
				options = append(options, one.AsString())
			case one.Type() == cty.Number:
				options = append(options, json.Number(one.AsBigFloat().Text('f', -1)))
			default:
				return nil
			}
		}
		return options
	}
	return nil
}
