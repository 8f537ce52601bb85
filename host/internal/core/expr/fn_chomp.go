package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var chompFunction = Function{
	"chomp", "text without line ends at its end",
	`chomp("a\n")`, `"a"`,
	stdlib.ChompFunc,
}
