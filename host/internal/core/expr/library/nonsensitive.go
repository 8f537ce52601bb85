package library

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

// nonsensitiveFunction is Terraform's, and like it takes any value: to say that something may be seen is the author's
// word, must be possible, and is easily found in a file.
var nonsensitiveFunction = builtin.New(
	"nonsensitive", "a value that may be seen although it was made of a sensitive one",
	`nonsensitive(sensitive([1, "a"]))`, `[1, "a"]`,
	remark(func(v cty.Value) cty.Value {
		v, _ = v.UnmarkDeep()
		return v
	}),
)

// Covered gives functions among which nonsensitive changes nothing.
func Covered(functions map[string]function.Function) map[string]function.Function {
	out := maps.Clone(functions)
	out["nonsensitive"] = remark(func(v cty.Value) cty.Value { return v })
	return out
}
