package text

import (
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var formatdateFunction = builtin.New(
	"formatdate", "a time in RFC 3339 written otherwise",
	`formatdate("D MMM YYYY", "2026-03-01T10:00:00Z")`, `"1 Mar 2026"`,
	stdlib.FormatDateFunc,
)
