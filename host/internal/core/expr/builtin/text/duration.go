package text

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
	"github.com/myspinbot/spinbot/sdk"
)

var durationFunction = builtin.New(
	"duration", "a duration written for people as seconds",
	`duration("1m30s")`, `90`,
	durationFunc,
)

var durationFunc = builtin.TextToNumber(func(s string) (cty.Value, error) {
	d, err := sdk.ParseDuration(s)
	if err != nil {
		return cty.NilVal, err
	}
	seconds := new(big.Float).SetPrec(512).SetInt64(d.Nanoseconds())
	return cty.NumberVal(seconds.Quo(seconds, big.NewFloat(1e9))), nil
})
