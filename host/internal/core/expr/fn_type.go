package expr

import (
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var typeFunctions = []Function{
	{"try", "the first expression that can be evaluated", `try({}.a, "none")`, `"none"`, tryfunc.TryFunc},
	{"can", "whether an expression can be evaluated", `can(tonumber("x"))`, `false`, tryfunc.CanFunc},
	{"coalesce", "the first value that is not null", `coalesce(null, "a")`, `"a"`, stdlib.CoalesceFunc},
	{"tostring", "a value as text", `tostring(5)`, `"5"`, stdlib.MakeToFunc(cty.String)},
	{"tonumber", "text as a number", `tonumber("5")`, `5`, stdlib.MakeToFunc(cty.Number)},
	{"tobool", "text as true or false", `tobool("true")`, `true`, stdlib.MakeToFunc(cty.Bool)},
	{"tolist", "a set or tuple as a list", `tolist(["a", 1])`, `["a", "1"]`, stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType))},
	{"toset", "a list as a set: each element once, in no order", `toset(["a", "a"])`, `toset(["a"])`, stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType))},
	{"tomap", "an object as a map", `tomap({ a = 1 })["a"]`, `1`, stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType))},
}
