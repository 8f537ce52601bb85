package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var formatlistFunction = Function{
	"formatlist", "format for every element of a list",
	`formatlist("%s!", ["a", "b"])`, `["a!", "b!"]`,
	bounded("formatlist", stdlib.FormatListFunc),
}
