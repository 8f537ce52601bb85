package expr

import "strings"

var startswithFunction = Function{
	"startswith", "whether text begins with another",
	`startswith("hello", "he")`, `true`,
	compare(strings.HasPrefix),
}
