package expr

import "strings"

var strcontainsFunction = Function{
	"strcontains", "whether text holds another",
	`strcontains("hello", "ell")`, `true`,
	compare(strings.Contains),
}
