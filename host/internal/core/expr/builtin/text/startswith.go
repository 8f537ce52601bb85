package text

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var startswithFunction = builtin.New(
	"startswith", "whether text begins with another",
	`startswith("hello", "he")`, `true`,
	builtin.Compare(strings.HasPrefix),
)
