package expr

import "github.com/zclconf/go-cty/cty"

// nonsensitiveFunction is Terraform's, and like it takes any value: to say that something may be seen is the author's
// word, must be possible, and is easily found in a file.
var nonsensitiveFunction = Function{
	"nonsensitive", "a value that may be seen although it was made of a sensitive one",
	`nonsensitive(sensitive([1, "a"]))`, `[1, "a"]`,
	remark(func(v cty.Value) cty.Value {
		v, _ = v.UnmarkDeep()
		return v
	}),
}
