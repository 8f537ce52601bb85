package text

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var endswithFunction = builtin.New(
	"endswith", "whether text ends with another",
	`endswith("a.png", ".png")`, `true`,
	builtin.Compare(strings.HasSuffix),
)
