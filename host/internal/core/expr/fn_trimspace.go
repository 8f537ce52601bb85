package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var trimspaceFunction = Function{
	"trimspace", "text without white space at both ends",
	`trimspace("  a\n")`, `"a"`,
	stdlib.TrimSpaceFunc,
}
