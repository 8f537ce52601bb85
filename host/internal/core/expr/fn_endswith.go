package expr

import "strings"

var endswithFunction = Function{
	"endswith", "whether text ends with another",
	`endswith("a.png", ".png")`, `true`,
	compare(strings.HasSuffix),
}
