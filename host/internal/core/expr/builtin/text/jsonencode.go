package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var jsonencodeFunction = builtin.New(
	"jsonencode", "a value as JSON",
	`jsonencode({ a = [1, true] })`, `"{\"a\":[1,true]}"`,
	stdlib.JSONEncodeFunc,
)
