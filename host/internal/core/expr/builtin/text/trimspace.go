package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var trimspaceFunction = builtin.New(
	"trimspace", "text without white space at both ends",
	`trimspace("  a\n")`, `"a"`,
	stdlib.TrimSpaceFunc,
)
