package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var keysFunction = Function{
	"keys", "the keys of a map or object, in order",
	`keys({ b = 1, a = 2 })`, `["a", "b"]`,
	stdlib.KeysFunc,
}
