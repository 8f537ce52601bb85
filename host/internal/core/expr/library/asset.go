package library

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
)

// AssetFunction is asset(): what of gives for a reference, an artifact that is not known yet without of.
func AssetFunction(of func(ref string) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "ref", Type: cty.String}},
		Type:   function.StaticReturnType(datum.ArtifactType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if of == nil {
				return cty.UnknownVal(datum.ArtifactType), nil
			}
			return of(args[0].AsString()), nil
		},
	})
}
