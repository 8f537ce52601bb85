package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var chompFunction = builtin.New(
	"chomp", "text without line ends at its end",
	`chomp("a\n")`, `"a"`,
	stdlib.ChompFunc,
)
