package collection

import "github.com/myspinbot/spinbot/host/internal/core/expr/builtin"

var alltrueFunction = builtin.New(
	"alltrue", "whether all are true",
	`alltrue([true, false])`, `false`,
	builtin.Fold(true),
)
