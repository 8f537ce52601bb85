package expr

import "github.com/hashicorp/hcl/v2/ext/tryfunc"

var tryFunction = Function{
	"try", "the first expression that can be evaluated",
	`try({}.a, "none")`, `"none"`,
	tryfunc.TryFunc,
}
