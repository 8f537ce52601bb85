package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var formatFunction = Function{
	"format", "text with values filled in: %s text, %d whole, %03d padded, %.1f number, %q quoted",
	`format("%03d-%s", 7, "a")`, `"007-a"`,
	bounded("format", stdlib.FormatFunc),
}
