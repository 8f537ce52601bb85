package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var timeaddFunction = builtin.New(
	"timeadd", "a time in RFC 3339 moved by a duration",
	`timeadd("2026-03-01T10:00:00Z", "90m")`, `"2026-03-01T11:30:00Z"`,
	stdlib.TimeAddFunc,
)
