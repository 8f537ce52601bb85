package text

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/sdk"
)

var bytesFunction = builtin.New(
	"bytes", "a size written for people as a number of bytes",
	`bytes("20MiB")`, `20971520`,
	bytesFunc,
)

var bytesFunc = builtin.TextToNumber(func(s string) (cty.Value, error) {
	n, err := sdk.ParseBytes(s)
	return cty.NumberIntVal(n), err
})
