package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var formatFunction = builtin.New(
	"format", "text with values filled in: %s text, %d whole, %03d padded, %.1f number, %q quoted",
	`format("%03d-%s", 7, "a")`, `"007-a"`,
	builtin.Bounded("format", stdlib.FormatFunc),
)
