package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var jsonencodeFunction = Function{
	"jsonencode", "a value as JSON",
	`jsonencode({ a = [1, true] })`, `"{\"a\":[1,true]}"`,
	stdlib.JSONEncodeFunc,
}
