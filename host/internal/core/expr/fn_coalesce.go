package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var coalesceFunction = Function{
	"coalesce", "the first value that is not null",
	`coalesce(null, "a")`, `"a"`,
	stdlib.CoalesceFunc,
}
