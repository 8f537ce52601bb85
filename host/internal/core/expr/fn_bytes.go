package expr

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

var bytesFunction = Function{
	"bytes", "a size written for people as a number of bytes",
	`bytes("20MiB")`, `20971520`,
	bytesFunc,
}

var bytesFunc = textToNumber(func(s string) (cty.Value, error) {
	n, err := sdk.ParseBytes(s)
	return cty.NumberIntVal(n), err
})
