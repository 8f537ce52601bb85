package expr

import "github.com/hashicorp/hcl/v2/ext/tryfunc"

var canFunction = Function{
	"can", "whether an expression can be evaluated",
	`can(tonumber("x"))`, `false`,
	tryfunc.CanFunc,
}
