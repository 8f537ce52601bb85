package collection

import "github.com/myspinbot/spinbot/host/internal/core/expr/builtin"

var anytrueFunction = builtin.New(
	"anytrue", "whether any is true",
	`anytrue([true, false])`, `true`,
	builtin.Fold(false),
)
