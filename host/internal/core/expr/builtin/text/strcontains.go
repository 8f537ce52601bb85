package text

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var strcontainsFunction = builtin.New(
	"strcontains", "whether text holds another",
	`strcontains("hello", "ell")`, `true`,
	builtin.Compare(strings.Contains),
)
